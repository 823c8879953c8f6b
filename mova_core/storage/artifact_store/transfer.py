"""Many files between folders and stores at once, each one once."""

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mova_core.progress import track
from mova_core.storage.artifact_store.base import ArtifactStore, blob_place
from mova_core.storage.artifact_store.local import LocalStore
from mova_core.storage.manifest import Files

FILES_AT_ONCE = 4


def push(store: ArtifactStore, folder: Path, files: Files) -> None:
    """Put every file of a folder into a store.

    Args:
        store: where to.
        folder: where the files lie.
        files: by path in the folder, as its manifest lists them.

    Raises:
        StaleError: a file is missing or not the one that is listed. Blobs that were put before stay.
    """
    paths = {entry.sha256: folder / name for name, entry in files.items()}
    _each(paths, lambda sha256: store.put_blob(paths[sha256], sha256), f"to {store.address}")


def pull(store: ArtifactStore, folder: Path, files: Files) -> None:
    """Write every file of a manifest into a folder, read-only.

    Args:
        store: where from.
        folder: where to.
        files: by path in the folder, as its manifest lists them.

    Raises:
        StaleError: a blob is not in the store, or was damaged there.
    """
    _each(files, lambda name: store.get_blob(files[name].sha256, folder / name), f"from {store.address}")


def fetch(store: ArtifactStore, cache: LocalStore, blobs: Collection[str]) -> None:
    """Bring blobs to this machine.

    Args:
        store: where from.
        cache: where to; what lies there whole is not fetched, what was damaged is fetched anew. May be `store` itself.
        blobs: by sha256.

    Raises:
        StaleError: a blob is not in the store, or was damaged there.
    """
    if store == cache:
        return
    _each(blobs, lambda sha256: _fetch_one(store, cache, sha256), f"from {store.address}")


def _fetch_one(store: ArtifactStore, cache: LocalStore, sha256: str) -> None:
    if not cache.is_whole(sha256):
        store.get_blob(sha256, cache.root / blob_place(sha256))


def _each(names: Collection[str], act: Callable[[str], None], label: str) -> None:
    pool = ThreadPoolExecutor(FILES_AT_ONCE)
    try:
        for _ in track(pool.map(act, names), len(names), label):
            pass
    finally:
        pool.shutdown(cancel_futures=True)  # after a fault what is under way ends, nothing more begins
