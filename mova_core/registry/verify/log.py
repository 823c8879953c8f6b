"""The log of promotions: every seal, and every alias against its last event."""

from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mova_core.registry.database.tables import Alias, Promotion
from mova_core.registry.promotion.log import FIRST_PREVIOUS, SEALED, seal
from mova_core.registry.verify.check import Fault


def log_faults(session: Session) -> Iterator[Fault]:
    """Events that were altered, removed or slipped in, and aliases that were moved past the log."""
    previous = FIRST_PREVIOUS
    named: dict[str, str] = {}
    for event in session.scalars(sa.select(Promotion).order_by(Promotion.event_id)):
        told = f"event {event.event_id} of the log of promotions ({event.alias})"
        if event.hash != seal({name: getattr(event, name) for name in SEALED}):
            yield f"{told} was altered: bring the database back from a backup"
        if event.previous_hash != previous:
            yield f"{told} does not follow the one before it, one was removed or slipped in: bring back a backup"
        previous = event.hash
        if event.outcome == "promoted":
            named[event.alias] = event.checkpoint_id
    for alias in session.scalars(sa.select(Alias).order_by(Alias.name)):
        if (logged := named.get(alias.name)) != alias.checkpoint_id:
            was = "never promoted it" if logged is None else f"last promoted {logged}"
            yield (
                f"alias {alias.name} names checkpoint {alias.checkpoint_id}, the log {was}: it was moved by hand, "
                f"promote the one that is meant by `mova promote ID --alias {alias.name}`"
            )
