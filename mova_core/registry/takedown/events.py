"""The events of takedowns in the registry: append-only, and the same as in data/takedowns.json, whoever wrote first.

An event is known by its source and its number there. What only the file has is added to the registry, what only the
registry has is written to the file: a takedown reaches every clone of the project and every machine.
"""

import calendar
import time
from collections import defaultdict
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mova_core.curation.takedowns import TakedownEvent, Takedowns, in_force, read_takedowns, write_takedowns
from mova_core.places import TAKEDOWNS
from mova_core.registry.database.connection import only_one, writing
from mova_core.registry.database.takedown_table import Takedown

TIME = "%Y-%m-%dT%H:%M:%SZ"


def recorded_takedowns(session: Session) -> dict[str, list[TakedownEvent]]:
    """Events by source_id, in order of their numbers."""
    events: dict[str, list[TakedownEvent]] = defaultdict(list)
    for row in session.scalars(sa.select(Takedown).order_by(Takedown.source_id, Takedown.number)):
        facts = {name: getattr(row, name) for name in ("number", "action", "reason", "who", "path")}
        stamp = time.strftime(TIME, time.gmtime(row.recorded_at))
        events[row.source_id].append(TakedownEvent(**facts, time=stamp))
    return dict(events)


def taken_down(session: Session) -> dict[str, str]:
    """Source_id -> reason, of what is taken down now."""
    return in_force(recorded_takedowns(session))


def append_event(session: Session, source_id: str, event: TakedownEvent) -> None:
    """Add the next event of a source, inside `writing`."""
    values = event.model_dump(exclude={"time"})
    recorded_at = float(calendar.timegm(time.strptime(event.time, TIME)))
    session.add(Takedown(source_id=source_id, recorded_at=recorded_at, **values))
    session.flush()


def agree_on_takedowns(engine: sa.Engine, root: Path) -> tuple[int, int]:
    """Add to the registry what only the file has, and to the file what only the registry has.

    Args:
        engine: the registry.
        root: the project's folder.

    Returns:
        How many events each of the two got: registry, file.

    Raises:
        StaleError: the file cannot be read. Nothing is written then.
    """
    path = root / TAKEDOWNS
    told = read_takedowns(path)
    with writing(engine) as session:
        only_one(session, "takedowns")
        recorded = recorded_takedowns(session)
        missing = [(one, event) for one, events in told.items() for event in events[len(recorded.get(one, ())) :]]
        for source_id, event in missing:
            append_event(session, source_id, event)
        merged: Takedowns = recorded_takedowns(session)
    unknown = sum(max(len(events) - len(told.get(one, ())), 0) for one, events in merged.items())
    if unknown:
        write_takedowns(path, merged)
    return len(missing), unknown
