"""Jobs as clients see them: one, and pages of them. Only what is shown is read.

A job's id begins with the microsecond of its creation, so pages in order of creation need no other key: a page goes on
behind an id whether or not that job is still there.
"""

import re
import secrets
import time
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from mova_core.registry.database.connection import reading
from mova_core.registry.database.tables import Job
from services.requests.errors import InvalidRequest

ANY_ID = re.compile(r"video_[0-9a-f]{32}(?:[0-9a-f]{4})?")  # the shorter ones are of an earlier version
ID_FORM = re.compile(r"video_([0-9a-f]{14})[0-9a-f]{22}")


@dataclass(frozen=True, slots=True)
class JobView:
    """What is shown of a job; the names are those of the table's columns."""

    job_id: str
    status: str
    request: dict[str, Any]
    progress: int
    created_at: float
    claimed_at: float | None
    finished_at: float | None
    error: str | None
    error_code: str | None
    result_path: str | None
    result_sha256: str | None
    checkpoint_id: str | None
    outcome: dict[str, Any] | None
    source_id: str | None

    @property
    def is_finished(self) -> bool:
        """Whether nothing will change it any more."""
        return self.finished_at is not None


COLUMNS = [getattr(Job, name) for name in JobView.__slots__]


def new_id(now: float) -> str:
    """An id that nobody guesses, for a job of this time."""
    return f"video_{round(now * 1e6):014x}{secrets.token_hex(11)}"


def visible(owner: str | None) -> list[sa.ColumnElement[bool]]:
    """What a query is narrowed by to the jobs of an owner; None: to everybody's."""
    return [] if owner is None else [Job.owner == owner]


def find(engine: sa.Engine, job_id: str, owner: str | None = None) -> JobView | None:
    """A job, of an owner or of anybody; None if there is none."""
    with reading(engine) as session:
        row = session.execute(sa.select(*COLUMNS).where(Job.job_id == job_id, *visible(owner))).one_or_none()
    return None if row is None else JobView(*row)


def page(
    engine: sa.Engine, *, after: str | None, limit: int, newest_first: bool, owner: str | None = None
) -> list[JobView]:
    """Jobs of users in order of creation.

    Args:
        engine: the registry.
        after: id of the job that the page goes on behind, which may be gone; None: from the start.
        limit: how many at most.
        newest_first: the order.
        owner: whose jobs; None: everybody's.

    Raises:
        InvalidRequest: `after` is no id of a job.
    """
    query = sa.select(*COLUMNS).where(~Job.smoke, *visible(owner)).limit(limit)
    order = (Job.created_at, Job.job_id)
    query = query.order_by(*(column.desc() if newest_first else column.asc() for column in order))
    with reading(engine) as session:
        if after is not None:
            key, last = sa.tuple_(*order), sa.tuple_(*map(sa.literal, _place(session, after, owner)))
            query = query.where(key < last if newest_first else key > last)
        return [JobView(*row) for row in session.execute(query)]


def is_id(text: str) -> bool:
    """Whether a job could have this id; nothing else is asked of the database."""
    return ANY_ID.fullmatch(text) is not None


def created_at_of(job_id: str) -> float | None:
    """When a job of this id was created; None where the id does not tell."""
    found = ID_FORM.fullmatch(job_id)
    return None if found is None else int(found[1], 16) / 1e6


def present() -> float:
    """The present time, as exactly as ids tell it."""
    return time.time_ns() // 1000 / 1e6


def _place(session: Any, job_id: str, owner: str | None) -> tuple[float, str]:
    """Where a job stands, or stood, in the order of creation."""
    told = created_at_of(job_id)
    if told is None and is_id(job_id):  # of an earlier version
        told = session.scalar(sa.select(Job.created_at).where(Job.job_id == job_id, *visible(owner)))
    if told is None:
        raise InvalidRequest(
            f"after is {job_id[:80]!r}, expected the last_id of a page: begin anew without it", "after"
        )
    return told, job_id
