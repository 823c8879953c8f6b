"""Which files are the footage: a folder (under DVC), or `sources.lock`, a list of what an outside folder held.

Paths are relative to the footage's root, POSIX, and stay inside it: a link that leads out is listed with its problem
and never opened. Hidden files are no footage. `FILE.json` beside `FILE` is its sidecar, not an entry:

    {"rights": "CC-BY-4.0", "origin": "camera 2", "consent": "release 17",
     "scenes": [{"start_s": 0.0, "end_s": 8.25, "class": "red-ball"}]}

All its keys are optional. `sources.lock` is JSON: the root, and each file's (sidecars too) path, size and sha256.
"""

import json
import math
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from mova_core.errors import MediaError, UsageError
from mova_core.progress import track
from mova_core.storage.atomic import sha256_file, write_text

SIDECAR_SUFFIX = ".json"
MOST_SIDECAR_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the footage.

    Args:
        path: relative to the root, POSIX.
        bytes: its size; as locked where there is a lock.
        sha256: as locked, None in a folder.
        sidecar_sha256: as locked, None in a folder or without a sidecar.
        problem: (reason code, reason) of what cannot be opened at all.
    """

    path: str
    bytes: int
    sha256: str | None = None
    sidecar_sha256: str | None = None
    problem: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Footage:
    """The files of one folder, in the order of their paths.

    Args:
        root: the folder.
        entries: every file in it that is neither hidden nor a sidecar.
        locked: the list comes from a lock, so what it names must still be what it was.
    """

    root: Path
    entries: tuple[Entry, ...]
    locked: bool = False

    @classmethod
    def open(cls, where: Path) -> "Footage":
        """List a footage folder, or read a lock.

        Raises:
            UsageError: it is missing or empty, or a lock that is none.
        """
        if where.is_file():
            return _read_lock(where)
        if not where.is_dir():
            raise UsageError(
                f"footage {where} is missing: put files there, make some with `mova make-footage {where}`, "
                "or set ingest.footage in params.yaml"
            )
        root = where.resolve()
        entries = _without_sidecars(_listed(root))
        if not entries:
            raise UsageError(f"footage folder {where} is empty: put video files in it")
        return cls(root, entries)

    def path_of(self, relative: str) -> Path:
        """Where a file of this footage lies.

        Raises:
            MediaError: `outside_root` when the path or a link on it leads out of the root.
        """
        inside = PurePosixPath(relative)
        if not inside.is_absolute() and ".." not in inside.parts:
            path = self.root / inside
            if path.resolve().is_relative_to(self.root):
                return path
        raise MediaError("outside_root", "the path leads out of the footage folder")


def lock_footage(folder: Path, lock: Path) -> int:
    """Write what `folder` holds now to `lock`; the number of files.

    Raises:
        UsageError: the folder is missing or empty, or the lock cannot be written.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder: --lock takes the folder that holds the footage")
    root = folder.resolve()
    listed = list(_listed(root))
    if not listed:
        raise UsageError(f"{folder} is empty: there is nothing to lock")
    if broken := next((entry for entry in listed if entry.problem), None):
        raise UsageError(f"{folder} cannot be locked: {broken.path} is {broken.problem and broken.problem[1]}")
    files = [
        {"path": entry.path, "size": entry.bytes, "sha256": sha256_file(root / entry.path)}
        for entry in track(listed, total=len(listed), label="lock")
    ]
    content = {"root": str(root), "files": files}
    write_text(lock, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    return len(files)


def sidecar_of(media_path: Path) -> Path:
    """Where a file's sidecar lies if it has one."""
    return media_path.with_name(media_path.name + SIDECAR_SUFFIX)


def read_sidecar(media_path: Path) -> dict[str, Any]:
    """What the sidecar of a media file says: rights, origin, consent (texts), scenes (a list); {} without one.

    Raises:
        MediaError: `bad_sidecar` when it is not such an object.
    """
    path = sidecar_of(media_path)
    if os.path.islink(path):  # unlike Path, no error for a name that is too long
        raise MediaError("bad_sidecar", "its sidecar is a link: put the file itself there")
    if not os.path.isfile(path):
        return {}
    try:
        with path.open("rb") as file:
            data = file.read(MOST_SIDECAR_BYTES + 1)
        values = json.loads(data) if len(data) <= MOST_SIDECAR_BYTES else None
    except (OSError, ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise MediaError("bad_sidecar", f"its sidecar is not a JSON object of at most {MOST_SIDECAR_BYTES} bytes")
    for key in ("rights", "origin", "consent"):
        if not isinstance(values.get(key), str | None):
            raise MediaError("bad_sidecar", f"its sidecar's {key} is not text")
    for scene in _list(values.get("scenes", [])):
        if not isinstance(scene, dict) or not all(_is_time(scene.get(key)) for key in ("start_s", "end_s")):
            raise MediaError("bad_sidecar", "its sidecar's scenes are not all {start_s, end_s, ...} with numbers")
    return values


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise MediaError("bad_sidecar", "its sidecar's scenes are not a list")
    return value


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _listed(root: Path) -> Iterator[Entry]:
    """Every file under `root` but hidden ones, sorted by path; of links to folders the link itself."""
    found = []
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        found += [os.path.join(folder, name) for name in (*files, *links) if not name.startswith(".")]
    for path in sorted(found, key=os.fsencode):
        yield _entry(root, path)


def _entry(root: Path, path: str) -> Entry:
    relative = os.path.relpath(path, root)
    shown = os.fsencode(relative).decode("utf-8", "backslashreplace")
    problem = None
    size = 0
    try:
        status = os.stat(path)
        size = status.st_size
        if not Path(path).resolve().is_relative_to(root):
            problem, size = ("outside_root", "a link that leads out of the footage folder"), 0
        elif not stat.S_ISREG(status.st_mode):
            problem, size = ("not_a_file", "not a regular file"), 0
    except OSError as error:
        problem = ("unreadable", f"not there to be read ({error.strerror})")
    if shown != relative:
        problem = ("name_not_utf8", "named in another encoding than UTF-8: rename it")
    return Entry(shown, size, problem=problem)


def _without_sidecars(listed: Iterator[Entry]) -> tuple[Entry, ...]:
    entries = {entry.path: entry for entry in listed}
    return tuple(entry for path, entry in entries.items() if not _is_sidecar(path, entries))


def _is_sidecar(path: str, paths: dict[str, Entry]) -> bool:
    return path.endswith(SIDECAR_SUFFIX) and path.removesuffix(SIDECAR_SUFFIX) in paths


def _read_lock(lock: Path) -> Footage:
    try:
        content = json.loads(lock.read_text(encoding="utf-8"))
        root = Path(content["root"])
        entries = {
            str(file["path"]): Entry(str(file["path"]), int(file["size"]), str(file["sha256"]))
            for file in content["files"]
        }
    except (ValueError, KeyError, TypeError, OSError):
        raise UsageError(f"{lock} is not a lock of footage: write one with `mova ingest --lock FOLDER`") from None
    if not root.is_dir():
        raise UsageError(f"the footage locked in {lock} is missing: {root} is not a folder here")
    return Footage(
        root.resolve(),
        tuple(
            _with_sidecar(entry, entries.get(path + SIDECAR_SUFFIX))
            for path, entry in sorted(entries.items(), key=lambda item: os.fsencode(item[0]))
            if not _is_sidecar(path, entries)
        ),
        locked=True,
    )


def _with_sidecar(entry: Entry, sidecar: Entry | None) -> Entry:
    return Entry(entry.path, entry.bytes, entry.sha256, sidecar.sha256 if sidecar else None)
