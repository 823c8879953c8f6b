"""Takedown of a file of the footage: recorded for ever, kept out of the next data, and what it reached is named.

Files that hold a part of its video or audio, as curation found, are taken down with it: otherwise a copy that was
rejected beside it would be accepted in its place.
"""

import getpass
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mova_core.curation.takedowns import TAKEN_DOWN, TakedownEvent
from mova_core.errors import UsageError
from mova_core.registry.database.connection import only_one, reading, writing
from mova_core.registry.footage.find import find_source, paths_of
from mova_core.registry.footage.shared_footage import shared_footage
from mova_core.registry.lineage.forward import forward
from mova_core.registry.takedown.events import TIME, agree_on_takedowns, append_event, recorded_takedowns
from mova_core.registry.takedown.wording import TakenDown, listed_text, restored_text

RESTORED = "restored"


def take_down(engine: sa.Engine, reference: str, reason: str, root: Path = Path()) -> TakenDown:
    """Take a file down, with those that hold a part of it; a second time adds no event.

    Args:
        engine: the registry, in step with the folders (`sync`).
        reference: as of `find_source`.
        reason: why, for people.
        root: the project's folder.

    Raises:
        UsageError: no such file, or no reason.
        StaleError: data/takedowns.json or a manifest cannot be read.
    """
    _check_reason(reason)
    with writing(engine) as session:
        only_one(session, "takedowns")
        source_id = find_source(session, reference, root)
        shared = shared_footage(session, source_id)
        path = _path(session, source_id)
        of = f"holds footage of {path or source_id}, which is taken down: {reason}"
        reasons = {source_id: reason} | {other: of for other in shared}
        new = tuple(one for one, why in reasons.items() if _append(session, one, TAKEN_DOWN, why))
    agree_on_takedowns(engine, root)
    with reading(engine) as session:
        return TakenDown(source_id, path, reason, shared, new, forward(session, list(reasons), root))


def restore(engine: sa.Engine, reference: str, reason: str, root: Path = Path()) -> dict[str, Any]:
    """Undo a takedown by another event; files that were taken down with it stay so. Arguments as of `take_down`.

    Raises:
        UsageError: no such file, it is not taken down, or no reason.
        StaleError: data/takedowns.json or a manifest cannot be read.
    """
    _check_reason(reason)
    with writing(engine) as session:
        only_one(session, "takedowns")
        source_id = find_source(session, reference, root)
        if not _append(session, source_id, RESTORED, reason):
            raise UsageError(f"{reference} ({source_id}) is not taken down: `mova takedown --list` shows what is")
        path = _path(session, source_id)
    agree_on_takedowns(engine, root)
    return {"source_id": source_id, "path": path, "reason": reason, "text": restored_text(source_id, path, reason)}


def list_takedowns(engine: sa.Engine) -> dict[str, Any]:
    """Every event by source, with a `text` of what is taken down now."""
    with reading(engine) as session:
        events = recorded_takedowns(session)
    plain = {source_id: [event.model_dump() for event in events[source_id]] for source_id in events}
    return {"takedowns": plain, "text": listed_text(events)}


def _append(session: Session, source_id: str, action: str, reason: str) -> bool:
    """Add an event unless the source is in that state already."""
    events = recorded_takedowns(session).get(source_id, [])
    if (events[-1].action if events else RESTORED) == action:
        return False
    facts = {"number": len(events) + 1, "action": action, "reason": reason, "who": getpass.getuser()}
    stamp = time.strftime(TIME, time.gmtime())
    append_event(session, source_id, TakedownEvent(**facts, time=stamp, path=_path(session, source_id)))
    return True


def _path(session: Session, source_id: str) -> str | None:
    return next(iter(paths_of(session, source_id)), None)


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise UsageError('a takedown and its undoing need a reason: give it by --reason "…"')
