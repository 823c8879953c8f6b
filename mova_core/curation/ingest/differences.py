"""Which files of the footage differ from an earlier look at it: for a person's eyes, never part of a table.

What the last run saw is one small file a footage, beside the finished parts of `ingest`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mova_core.storage.hashing import sha256_json
from mova_core.storage.result_cache import ResultCache

SHOWN = 3


@dataclass(frozen=True, slots=True)
class Differences:
    """Paths; a file that was renamed or moved is known by its content, and is none of them."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()

    @classmethod
    def between(cls, before: Mapping[str, str | None] | None, now: Mapping[str, str | None]) -> "Differences":
        """Of two looks: sha256 by path, None of a file that could not be read; no difference from no look at all."""
        if before is None:
            return cls()
        known, still = (set(look.values()) - {None} for look in (before, now))
        return cls(
            added=tuple(path for path in now if path not in before and now[path] not in known),
            changed=tuple(path for path in now if path in before and now[path] != before[path]),
            vanished=tuple(path for path in before if path not in now and before[path] not in still),
        )

    def lines(self, since: str) -> str:
        """A line for each kind of difference there is."""
        told = ((name, paths) for name, paths in self.lists().items() if paths)
        return "".join(f"\n          {name} since {since}: {_named(paths)}" for name, paths in told)

    def lists(self) -> dict[str, list[str]]:
        """For `--json`."""
        return {name: list(paths) for name, paths in asdict(self).items()}


def since_last_run(result_cache: Path, address: str, rows: Mapping[str, Mapping[str, Any]]) -> Differences:
    """How the footage differs from what the last run saw; remembers this run.

    Args:
        result_cache: folder of finished results.
        address: of the footage; another footage has a memory of its own.
        rows: rows of `sources` by path; one without `source_id` could not be read.
    """
    memory = ResultCache("last-run", result_cache)
    key = sha256_json(address)
    now = {path: row.get("source_id") for path, row in rows.items()}
    differences = Differences.between(memory.get(key), now)
    memory.put(key, now)
    return differences


def skipped_line(hidden: Sequence[str]) -> str:
    """What is told of files and folders whose name begins with a dot."""
    return f"\n          {len(hidden)} hidden files or folders skipped: {_named(hidden)}" if hidden else ""


def _named(paths: Sequence[str]) -> str:
    """The first few, and how many more."""
    names = [path if path.isprintable() else repr(path) for path in paths[:SHOWN]]
    more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
    return ", ".join(names) + more
