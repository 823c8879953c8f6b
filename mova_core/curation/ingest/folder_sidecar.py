"""The one table that states something about all files of the footage: which it is, and what it says of each file."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from mova_core.curation.ingest.footage import Footage
from mova_core.curation.ingest.sidecar_paths import FilePaths
from mova_core.curation.ingest.sidecars import Stated, read_folder_sidecar
from mova_core.errors import MediaError, UsageError
from mova_core.storage.hashing import sha256_file
from mova_core.storage.object_store.local import LocalFolder


@dataclass(frozen=True, slots=True)
class FolderSidecar:
    """What it says.

    Args:
        stated: path of a file -> columns of table `sources`.
        sha256: of its bytes; None where there is none.
    """

    stated: dict[str, Stated] = field(default_factory=dict)
    sha256: str | None = None


def folder_sidecar(footage: Footage, named: str | None) -> FolderSidecar:
    """Read the table of the whole footage.

    Args:
        footage: whose files it names.
        named: params `ingest.sidecar`; None = `sources.csv` or `sources.json` at the footage's root.

    Raises:
        UsageError: there are two, it is broken (`read_folder_sidecar`), or not what was locked.
    """
    choices: list[tuple[str, Path, str | None]] = [] if named is None else [(named, Path(named), None)]
    choices += [(entry.path, footage.path_of(entry), entry.sha256) for entry in footage.folder_sidecars]
    if not choices:
        return FolderSidecar()
    shown, path, locked = choices[0]
    if len(choices) > 1:
        raise UsageError(f"{shown} and {choices[1][0]} both speak for the whole footage: keep one of them")
    paths = FilePaths(entry.path for entry in footage.entries)

    def file_of(written: str) -> str | None:
        try:
            return paths.find(written)
        except UsageError:
            if footage.is_part and _lies_beside(footage, written):
                return None
            raise

    stated = read_folder_sidecar(path, shown, file_of)
    sha256 = sha256_file(path)
    if locked not in (None, sha256):
        raise UsageError(f"{shown} of the footage is not what was locked: lock it again with `mova ingest --lock`")
    return FolderSidecar(stated, sha256)


def _lies_beside(footage: Footage, written: str) -> bool:
    """Whether the root has such a file, which the list or lock does not name."""
    try:
        return isinstance(footage.store, LocalFolder) and os.path.isfile(footage.store.local(written))
    except (MediaError, ValueError):
        return False
