"""What is told of takedowns, in lines for a terminal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mova_core.curation.takedowns import TakedownEvent, in_force
from mova_core.places import TAKEDOWNS
from mova_core.registry.lineage.forward import Reached
from mova_core.registry.lineage.forward_text import SHORT, lines_of, named


@dataclass(frozen=True, slots=True)
class TakenDown:
    """What a takedown did.

    Args:
        source_id: of the file.
        path: inside the footage, if that is known.
        reason: why it is taken down.
        shared: source_id -> seconds, of the other files that hold a part of it and are taken down too.
        new: source_ids that were not taken down before.
        reached: all that they reached.
    """

    source_id: str
    path: str | None
    reason: str
    shared: dict[str, float]
    new: tuple[str, ...]
    reached: Reached

    def summary(self) -> dict[str, Any]:
        """For `--json`, with a `text` for people."""
        values = {"source_id": self.source_id, "path": self.path, "reason": self.reason, "shared": self.shared}
        return values | {"new": list(self.new), "reached": self.reached.summary(), "text": takedown_text(self)}


def takedown_text(done: TakenDown) -> str:
    """What a takedown did, and what is left to do."""
    said = "taken down" if done.source_id in done.new else "already taken down"
    lines = [f"{said}: {named(done.source_id, done.path)}: {done.reason}"]
    paths = done.reached.sources
    for source_id, seconds in done.shared.items():
        name = named(source_id, next(iter(paths[source_id]), None))
        lines.append(f"taken down with it: {name}, {seconds:g} s of the same footage")
    lines.append(f"`mova ingest` (or `dvc repro`) leaves them out from now on; commit {TAKEDOWNS} with git")
    return "\n".join([*lines, *_to_do(done.reached)])


def restored_text(source_id: str, path: str | None, reason: str) -> str:
    """What the undoing of a takedown did."""
    return f"may be used again: {named(source_id, path)}: {reason}\ncommit {TAKEDOWNS} with git"


def listed_text(events: Mapping[str, Sequence[TakedownEvent]]) -> str:
    """What is taken down now, and what was and is not any more."""
    if not events:
        return "nothing is taken down"
    lines, now = [], in_force({source_id: list(those) for source_id, those in events.items()})
    for source_id, those in events.items():
        last = those[-1]
        state = "taken down" if source_id in now else "may be used again"
        lines.append(f"{named(source_id, last.path)}: {state} since {last.time} by {last.who}: {last.reason}")
    return "\n".join(lines)


def _to_do(reached: Reached) -> list[str]:
    now = [alias for alias in reached.aliases if alias.now]
    lines = [
        *lines_of("to be made again", (f"{one.name} {one.sha256[:SHORT]} ({one.path})" for one in reached.datasets)),
        *lines_of("to be retrained", (f"{one.checkpoint_id} ({one.phase})" for one in reached.checkpoints)),
        *lines_of("to be retrained", (one.path for one in reached.adapters)),
        *lines_of("to be withdrawn", (f"alias {one.name} ({one.checkpoint_id})" for one in now)),
        *lines_of("to be withdrawn", (f"deployment {one}" for one in reached.deployments)),
        *lines_of("to be withdrawn", (f"{one.kind} {one.path}" for one in reached.artifacts)),
        *lines_of("to be withdrawn", (f"clip {one.path or one.job_id}" for one in reached.served)),
    ]
    return lines or ["it reached no recorded dataset, model or clip"]
