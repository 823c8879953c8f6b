"""`sources.lock`: what an outside folder, list or bucket held when it was locked, each file by path, size and sha256.

JSON: the root (a folder, or `s3://bucket/prefix`; never an endpoint or a key), the files, sidecars too, and the names
that are hidden. Locking a bucket fetches what is not in the cache yet, several objects at once; the same content gives
the same bytes.
"""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mova_core.curation.ingest.differences import Differences
from mova_core.curation.ingest.footage import LIST_SUFFIX, Entry, Footage
from mova_core.errors import MediaError, UsageError
from mova_core.progress import track
from mova_core.storage.atomic import write_text
from mova_core.storage.object_store.address import open_store
from mova_core.storage.object_store.base import ObjectStore, StoredObject, is_bucket
from mova_core.storage.object_store.local import LocalFolder

AT_ONCE = 8  # objects being fetched; a local disk is read one file at a time


@dataclass(frozen=True, slots=True)
class Locked:
    """What a lock holds.

    Args:
        files: how many, sidecars too.
        differs: from the lock that was there before, if it was one of the same root.
        hidden: files and folders that are left out because their name begins with a dot; none of a list.
    """

    files: int
    differs: Differences
    hidden: tuple[str, ...] = ()


def lock_footage(where: str, lock: Path) -> Locked:
    """Write what a folder, a list (`.txt`) or a bucket holds now to `lock`.

    Raises:
        UsageError: it is missing or empty, holds what cannot be opened, or the lock cannot be written.
        MovaError: the server of a bucket does not answer.
    """
    store, listed = _to_lock(where)
    if not listed:
        raise UsageError(f"{where} is empty: there is nothing to lock")
    if broken := next((stored for stored in listed if stored.problem), None):
        raise UsageError(f"{where} cannot be locked: {broken.name} is {broken.problem and broken.problem[1]}")
    files: list[dict[str, Any]] = [
        {"path": stored.name, "size": stored.bytes, "sha256": sha256}
        for stored, sha256 in track(_digests(store, listed), total=len(listed), label="lock")
    ]
    before = _files_of(lock, store.address)
    hidden = [] if Path(where).is_file() else store.hidden()
    content = {"root": store.address, "files": files} | ({"hidden": hidden} if hidden else {})
    write_text(lock, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    differs = Differences.between(before, {file["path"]: file["sha256"] for file in files})
    return Locked(len(files), differs, tuple(hidden))


def _to_lock(where: str) -> tuple[ObjectStore, list[StoredObject]]:
    if Path(where).is_file() and Path(where).suffix == LIST_SUFFIX:
        footage = Footage.of_list(Path(where))
        assert isinstance(footage.store, LocalFolder)  # what a list names
        return footage.store, [footage.store.look_at(path) for path in _paths(footage)]
    if not is_bucket(where) and not Path(where).is_dir():
        raise UsageError(
            f"{where} is not a folder: --lock takes a folder of footage, a list (.txt) or s3://BUCKET/PREFIX"
        )
    store = open_store(where)
    return store, list(store.listed())


def _paths(footage: Footage) -> list[str]:
    entries: list[Entry] = [*footage.entries, *footage.folder_sidecars]
    sidecars = (entry.sidecar for entry in footage.entries if entry.sidecar is not None)
    return sorted({*(entry.path for entry in entries), *sidecars})


def _digests(store: ObjectStore, listed: list[StoredObject]) -> Iterator[tuple[StoredObject, str]]:
    def digest(stored: StoredObject) -> str:
        try:
            return store.sha256(stored)
        except (MediaError, OSError) as error:
            raise UsageError(f"{store.address} cannot be locked: {stored.name}: {error}") from None

    if isinstance(store, LocalFolder):
        yield from ((stored, digest(stored)) for stored in listed)
        return
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        yield from zip(listed, pool.map(digest, listed), strict=True)
    finally:
        pool.shutdown(cancel_futures=True)


def _files_of(lock: Path, root: str) -> dict[str, str] | None:
    """Digests by path of the lock that is there, if it is one of the same root."""
    try:
        content: Any = json.loads(lock.read_text(encoding="utf-8"))
        return {file["path"]: file["sha256"] for file in content["files"]} if content["root"] == root else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
