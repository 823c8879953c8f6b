"""What earlier versions kept in `.mova/artifacts` becomes a store: `files/SHA256` move to blobs, folders get manifests.

Nothing is copied or lost: the files move by renames, the folders `models/` and `packages/` stay where they are and are
hard links to the same files. Killed anywhere, the next call goes on.
"""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from mova_core.errors import StaleError
from mova_core.storage.artifact_store.base import SHA256, blob_place
from mova_core.storage.artifact_store.listed import listed_files
from mova_core.storage.artifact_store.local import LocalStore
from mova_core.storage.atomic import make_folder

EARLIER = "files"


def adopt_earlier(store: LocalStore, manifest_of: Mapping[str, str]) -> None:
    """Take over what an earlier version left, if there is any.

    Args:
        store: `.mova/artifacts`.
        manifest_of: by kind of manifest, the name of the manifest's file in a folder of that kind.
    """
    earlier = store.root / EARLIER
    if not earlier.is_dir():
        return
    for path in sorted(earlier.iterdir()):
        if SHA256.fullmatch(path.name):
            target = store.root / blob_place(path.name)
            make_folder(target.parent)
            with suppress(FileNotFoundError):  # another process has moved it
                path.replace(target)
    for kind, manifest in manifest_of.items():
        for folder in sorted((store.root / kind).glob("*-*")):
            with suppress(StaleError, FileNotFoundError):  # a damaged folder stays as it is
                _adopt_folder(store, kind, folder, (folder / manifest).read_bytes())
    with suppress(OSError):  # something else lies there: whoever put it there knows what to do with it
        earlier.rmdir()


def _adopt_folder(store: LocalStore, kind: str, folder: Path, content: bytes) -> None:
    for name, entry in listed_files(content, str(folder)).items():
        if not store.has_blob(entry.sha256):  # a file system without hard links, where `mova gc` removed the file
            store.put_blob(folder / name, entry.sha256)
    store.put_manifest(kind, folder.name, content)
