"""`data/takedowns.json`: which files of the footage may not be used any more, and why. `mova takedown` writes it, git
keeps it, `mova ingest` reads it.

A file is known by the sha256 of its bytes, so one that comes back under another name is recognised. For each there is a
list of events that only grows: a takedown, its undoing, another takedown. The last one counts, by its number and never
by a clock.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError, model_validator

from mova_core.errors import StaleError
from mova_core.storage.atomic import write_text
from mova_core.storage.manifest import Sha256

TAKEN_DOWN = "taken_down"  # also the reason_code of a rejected source


class TakedownEvent(BaseModel):
    """One decision about a file.

    Args:
        number: of the decision about this file, from 1; odd ones take it down, even ones undo that.
        action: which of the two it is.
        reason: why, in the words of who decided.
        who: decided.
        time: when, UTC, for people.
        path: inside the footage, as it was then; None where that was not known.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    number: Annotated[int, Field(ge=1)]
    action: Literal["taken_down", "restored"]
    reason: Annotated[str, Field(min_length=1)]
    who: str
    time: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]
    path: str | None = None


class _File(RootModel[dict[Sha256, list[TakedownEvent]]]):
    @model_validator(mode="after")
    def _numbers_are_in_order(self) -> "_File":
        for source_id, events in self.root.items():
            wrong = [one.number for one in events] != list(range(1, len(events) + 1))
            if wrong or any((one.action == TAKEN_DOWN) != bool(one.number % 2) for one in events):
                raise ValueError(f"events of {source_id} are not a takedown, its undoing and so on, numbered from 1")
        return self


Takedowns = Mapping[str, list[TakedownEvent]]


def read_takedowns(path: Path) -> Takedowns:
    """Events by source_id; none where there is no such file.

    Raises:
        StaleError: it is not what `mova takedown` writes.
    """
    if not path.exists():
        return {}
    try:
        return _File.model_validate_json(path.read_bytes()).root
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise StaleError(
            f"{path} cannot be read ({where + ': ' if where else ''}{first['msg']}): bring it back with git, so that "
            "nothing that was taken down is used"
        ) from None


def write_takedowns(path: Path, takedowns: Takedowns) -> None:
    """Write them by source_id, atomically; the same events give the same bytes."""
    plain = {one: [event.model_dump() for event in takedowns[one]] for one in sorted(takedowns)}
    write_text(path, json.dumps(plain, indent=1, ensure_ascii=False) + "\n")


def in_force(takedowns: Takedowns) -> dict[str, str]:
    """Source_id -> reason, of what is taken down now."""
    last = {source_id: events[-1] for source_id, events in takedowns.items() if events}
    return {source_id: event.reason for source_id, event in last.items() if event.action == TAKEN_DOWN}
