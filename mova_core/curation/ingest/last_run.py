"""Which files were there at the last run and are no longer: for a person's eyes, never part of a table.

One small file a footage, beside the finished parts of `ingest`. A file that was renamed or moved is still there: it is
known by its content.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mova_core.storage.hashing import sha256_json
from mova_core.storage.result_cache import ResultCache

SHOWN = 5


def vanished_since_last_run(result_cache: Path, address: str, rows: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Paths that the last run saw and this one does not; remembers this run.

    Args:
        result_cache: folder of finished results.
        address: of the footage; another footage has a memory of its own.
        rows: rows of `sources` by path; one without `source_id` could not be read.
    """
    memory = ResultCache("last-run", result_cache)
    key = sha256_json(address)
    before: dict[str, str | None] = memory.get(key) or {}
    now = {path: row.get("source_id") for path, row in rows.items()}
    contents = {source_id for source_id in now.values() if source_id is not None}
    memory.put(key, now)
    return [path for path, source_id in before.items() if path not in now and source_id not in contents]


def named(paths: Iterable[str]) -> str:
    """The first few, and how many more."""
    names = [path if path.isprintable() else repr(path) for path in paths]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
