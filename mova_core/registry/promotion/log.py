"""The log of promotions: append-only, each event sealed with a hash over itself and the event before it.

Triggers refuse changes; the chain shows one made past them (by whoever owns the database). What it cannot show is the
loss of the newest events, unless their hash was kept elsewhere.
"""

import hashlib
import json
import time
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mova_core.errors import StaleError
from mova_core.registry.database.connection import only_one
from mova_core.registry.database.tables import Promotion

FIRST_PREVIOUS = "0" * 64
SEALED = ("alias", "outcome", "checkpoint_id", "champion_id", "reason", "evidence", "created_at", "previous_hash")


def append_promotion(session: Session, values: dict[str, Any]) -> Promotion:
    """Add one event at the end of the chain, inside `writing`.

    Args:
        session: a session that writes.
        values: alias, outcome, checkpoint_id, champion_id, reason, evidence (JSON-able).

    Raises:
        StaleError: the chain before it is broken.
    """
    only_one(session, "promotions")
    previous = check_chain(session)
    sealed = values | {"created_at": time.time(), "previous_hash": previous}
    event = Promotion(**sealed, hash=seal(sealed))
    session.add(event)
    session.flush()
    return event


def check_chain(session: Session) -> str:
    """Read the whole log and check every seal.

    Returns:
        Hash of the last event.

    Raises:
        StaleError: an event was altered, removed or slipped in.
    """
    previous = FIRST_PREVIOUS
    for event in session.scalars(sa.select(Promotion).order_by(Promotion.event_id)):
        sealed = {name: getattr(event, name) for name in SEALED}
        if event.previous_hash != previous or event.hash != seal(sealed):
            raise StaleError(
                f"the log of promotions is broken at event {event.event_id} ({event.alias}): it was altered past its "
                "triggers, bring the database back from a backup"
            )
        previous = event.hash
    return previous


def seal(values: dict[str, Any]) -> str:
    """Hex sha256 of an event's fields as canonical JSON."""
    canonical = json.dumps(
        {name: values[name] for name in SEALED}, sort_keys=True, separators=(",", ":"), allow_nan=False
    )
    return hashlib.sha256(canonical.encode()).hexdigest()
