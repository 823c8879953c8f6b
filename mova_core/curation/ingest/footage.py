"""Which files are the footage: a folder (under DVC), a list of paths, or `sources.lock` of an outside folder or bucket.

Paths are relative to the footage's root, POSIX, and stay inside it: a link that leads out is listed with its problem
and never opened. Hidden files are no footage, and neither are sidecars (`sidecars.py`). A list is a `.txt` file, one
path a line, relative to the list's own folder. A bucket is locked before it is used (`lock.py`).
"""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from mova_core.curation.ingest.sidecar_paths import sidecars_beside
from mova_core.curation.ingest.sidecars import FOLDER_SIDECARS, SIDECAR_SUFFIX, read_sidecar
from mova_core.errors import UsageError
from mova_core.storage.object_store.address import open_store
from mova_core.storage.object_store.base import ObjectStore, StoredObject, is_bucket
from mova_core.storage.object_store.local import LocalFolder

LIST_SUFFIX = ".txt"


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the footage.

    Args:
        path: relative to the root, POSIX.
        bytes: its size; as locked where there is a lock.
        sha256: as locked, None in a folder.
        sidecar: path of its sidecar, None where it has none.
        sidecar_sha256: as locked, None in a folder or without a sidecar.
        problem: (reason code, reason) of what cannot be opened at all.
    """

    path: str
    bytes: int
    sha256: str | None = None
    sidecar: str | None = None
    sidecar_sha256: str | None = None
    problem: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Footage:
    """The files of one folder or bucket, in the order of their paths.

    Args:
        store: what holds them.
        entries: every file in it that is neither hidden nor a sidecar.
        folder_sidecars: `sources.csv` or `sources.json` at its root.
        locked: the list comes from a lock, so what it names must still be what it was.
        is_part: its root may hold other files too, as that of a list or a lock.
        hidden_when_locked: what the lock tells of `hidden`.
    """

    store: ObjectStore
    entries: tuple[Entry, ...]
    folder_sidecars: tuple[Entry, ...] = ()
    locked: bool = False
    is_part: bool = False
    hidden_when_locked: tuple[str, ...] = ()
    _by_path: dict[str, Entry] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_path", {entry.path: entry for entry in self.entries})

    @classmethod
    def open(cls, where: Path) -> "Footage":
        """List a footage folder, or read a list or a lock.

        Raises:
            UsageError: it is missing or empty, or a list or lock that is none.
        """
        if where.is_file():
            return cls.of_list(where) if where.suffix == LIST_SUFFIX else cls.of_lock(where)
        if not where.is_dir():
            raise UsageError(
                f"footage {where} is missing: put files there, make some with `mova make-footage {where}`, "
                "or set ingest.footage in params.yaml"
            )
        store = LocalFolder(where.resolve())
        footage = cls.of_files(store, (_entry(stored) for stored in store.listed()))
        if not footage.entries:
            raise UsageError(f"footage folder {where} is empty: put video files in it")
        return footage

    @classmethod
    def of_list(cls, where: Path) -> "Footage":
        """The files that a list names, with their sidecars.

        Raises:
            UsageError: it is no text, names nothing, or a line leads out of its folder.
        """
        store = LocalFolder(where.parent.resolve())
        names = _listed_names(where)
        beside = [name + SIDECAR_SUFFIX for name in names if os.path.isfile(store.root / (name + SIDECAR_SUFFIX))]
        tables = [name for name in FOLDER_SIDECARS if os.path.isfile(store.root / name)]
        every = sorted({*names, *beside, *tables}, key=os.fsencode)
        footage = cls.of_files(store, (_entry(store.look_at(name)) for name in every), is_part=True)
        if not footage.entries:
            raise UsageError(f"{where} names no file: write one path a line, relative to its folder")
        return footage

    @classmethod
    def of_lock(cls, where: Path) -> "Footage":
        """What a lock names.

        Raises:
            UsageError: it is no lock, or the folder that it names is not here.
        """
        try:
            content = json.loads(where.read_text(encoding="utf-8"))
            root = str(content["root"])
            files = {str(file["path"]): file for file in content["files"]}
            entries = [Entry(path, int(file["size"]), str(file["sha256"])) for path, file in files.items()]
            hidden = tuple(map(str, content.get("hidden", ())))
            if not (is_bucket(root) or Path(root).is_absolute()):
                raise ValueError(root)
        except (ValueError, KeyError, TypeError, OSError):
            raise UsageError(
                f"{where} is no footage: expected a folder, a list of files ({LIST_SUFFIX}), s3://BUCKET/PREFIX, or a "
                "lock written by `mova ingest --lock FOOTAGE`"
            ) from None
        if not is_bucket(root) and not Path(root).is_dir():
            raise UsageError(f"the footage locked in {where} is missing: {root} is not a folder here")
        footage = cls.of_files(open_store(root), sorted(entries, key=_order), locked=True, is_part=True)
        return replace(footage, hidden_when_locked=hidden)

    @classmethod
    def of_files(
        cls, store: ObjectStore, files: Iterable[Entry], locked: bool = False, is_part: bool = False
    ) -> "Footage":
        """Tell sidecars from footage."""
        found = {entry.path: entry for entry in files}
        beside, lone = sidecars_beside(found)
        tables = [path for path in FOLDER_SIDECARS if path in found and path not in beside.values()]
        none_of_these = {*beside.values(), *tables}
        entries = tuple(
            _with_sidecar(replace(entry, problem=lone.get(path, entry.problem)), found.get(beside.get(path, "")))
            for path, entry in found.items()
            if path not in none_of_these
        )
        return cls(store, entries, tuple(found[path] for path in tables), locked, is_part)

    @property
    def fetched(self) -> bool:
        """Whether its files come from elsewhere."""
        return not isinstance(self.store, LocalFolder)

    def hidden(self) -> tuple[str, ...]:
        """Files and folders that are left out because their name begins with a dot; a list leaves out none."""
        return self.hidden_when_locked if self.is_part else tuple(self.store.hidden())

    def path_of(self, entry: Entry | str) -> Path:
        """A local file that holds a file of this footage; of a bucket its copy in the cache.

        Raises:
            MediaError: `outside_root` when the path or a link on it leads out of the root; of a bucket also
                `unreadable` and `changed_since_locked`.
        """
        known = self._entry(entry) if isinstance(entry, str) else entry
        return self.store.local(known.path, known.sha256)

    def sidecar_path(self, entry: Entry | str) -> Path | None:
        """Where a file's sidecar lies, or would lie; None for an object that has none.

        Raises:
            MediaError: as `path_of`.
        """
        known = self._entry(entry) if isinstance(entry, str) else entry
        if isinstance(self.store, LocalFolder):
            return self.store.local(known.sidecar or known.path + SIDECAR_SUFFIX)
        if known.sidecar is None:
            return None
        return self.store.local(known.sidecar, known.sidecar_sha256)

    def sidecar(self, path: str) -> dict[str, Any]:
        """What a file's own sidecar says.

        Raises:
            MediaError: `bad_sidecar`, or as `path_of`.
        """
        return read_sidecar(self.sidecar_path(path))

    def _entry(self, path: str) -> Entry:
        return self._by_path.get(path) or Entry(path, 0)


def _entry(stored: StoredObject) -> Entry:
    return Entry(stored.name, stored.bytes, problem=stored.problem)


def _with_sidecar(entry: Entry, sidecar: Entry | None) -> Entry:
    if sidecar is None:
        return entry
    return replace(entry, sidecar=sidecar.path, sidecar_sha256=sidecar.sha256)


def _order(entry: Entry) -> bytes:
    return os.fsencode(entry.path)


def _listed_names(where: Path) -> list[str]:
    try:
        lines = where.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"{where} is no list of footage: expected UTF-8 text, one path a line") from None
    names = []
    for number, line in enumerate(lines, start=1):
        name = line.removesuffix("\r")
        if not name.strip():
            continue
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\0" in name:
            raise UsageError(
                f"{where}, line {number}: {name!r} leads out of the list's folder: paths are relative to it"
            )
        names.append(str(path))
    return names
