"""A database that does not answer for a moment: it is asked again for a while, then that is told in one sentence.

Only the beginning of a transaction is tried again. One that was under way is undone by the database and not repeated
here, because what it had read may be true no longer: nothing is half-written, and the same command can be run again.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic, sleep
from typing import TypeVar

import sqlalchemy as sa

from mova_core.errors import MovaError

ASKED_FOR_S = 20.0
FIRST_WAIT_S, LONGEST_WAIT_S = 0.1, 2.0
SHUTDOWN_STATES = ("57P01", "57P02", "57P03", "53300")  # stopped, crashed, starting up, no connection left
LOCKED = "database is locked"  # of SQLite, once it has waited for `BUSY_S`

T = TypeVar("T")
log = logging.getLogger(__name__)


class DatabaseGone(MovaError):
    """The database does not answer; whatever was asked of it is not done, and may be asked again."""


def asked_again(begin: Callable[[], T], name: str) -> T:
    """What `begin` returns, tried again while the database does not answer, for `ASKED_FOR_S` seconds.

    Args:
        begin: opens a connection or a transaction.
        name: of the database, as it may be shown.

    Raises:
        sa.exc.DBAPIError: it still does not answer, or the error is another one.
    """
    deadline, wait_s = monotonic() + ASKED_FOR_S, FIRST_WAIT_S
    while True:
        try:
            return begin()
        except sa.exc.DBAPIError as error:
            if not is_outage(error) or monotonic() + wait_s > deadline:
                raise
            if wait_s == FIRST_WAIT_S:
                log.warning("the registry at %s does not answer (%s): asked again", name, cause_of(error))
        sleep(wait_s)
        wait_s = min(2 * wait_s, LONGEST_WAIT_S)


@contextmanager
def outage_told(name: str) -> Iterator[None]:
    """Tell in one sentence that the database went away, or that another process holds it.

    Raises:
        DatabaseGone: it did.
    """
    try:
        yield
    except sa.exc.DBAPIError as error:
        if not is_outage(error) and LOCKED not in str(error.orig):
            raise
        raise DatabaseGone(
            f"the registry at {name} does not answer ({cause_of(error)}): nothing is half-written, run this again once "
            "it does"
        ) from None


def is_outage(error: sa.exc.DBAPIError) -> bool:
    """Whether no connection is left or could be made, as when the server is restarted."""
    if not isinstance(error, sa.exc.OperationalError) or not type(error.orig).__module__.startswith("psycopg"):
        return False
    state = getattr(error.orig, "sqlstate", None)
    return state is None or state.startswith("08") or state in SHUTDOWN_STATES


def cause_of(error: sa.exc.DBAPIError) -> str:
    """The first line of what the database says."""
    return str(error.orig).strip().splitlines()[0]
