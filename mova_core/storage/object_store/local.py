"""A local folder as a store: links may lead inside it only, and what cannot be opened is listed with its problem."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mova_core.errors import MediaError
from mova_core.storage.hashing import sha256_file
from mova_core.storage.object_store.base import StoredObject


@dataclass(frozen=True, slots=True)
class LocalFolder:
    """The files under `root`, an absolute path without links."""

    root: Path

    @property
    def address(self) -> str:
        return str(self.root)

    def listed(self) -> Iterator[StoredObject]:
        """Every file but hidden ones, sorted by path; of links to folders the link itself."""
        found = []
        for folder, folders, files in os.walk(self.root):
            folders[:] = [name for name in folders if not name.startswith(".")]
            links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
            found += [os.path.join(folder, name) for name in (*files, *links) if not name.startswith(".")]
        for path in sorted(found, key=os.fsencode):
            yield self.look_at(os.path.relpath(path, self.root))

    def hidden(self) -> list[str]:
        found = []
        for folder, folders, files in os.walk(self.root):
            found += [os.path.join(folder, name) for name in (*folders, *files) if name.startswith(".")]
            folders[:] = [name for name in folders if not name.startswith(".")]
        names = (os.path.relpath(path, self.root) for path in sorted(found, key=os.fsencode))
        return [os.fsencode(name).decode("utf-8", "backslashreplace") for name in names]

    def look_at(self, name: str) -> StoredObject:
        """One file, there or not."""
        shown = os.fsencode(name).decode("utf-8", "backslashreplace")
        path = os.path.join(self.root, name)
        problem = None
        size = 0
        try:
            status = os.stat(path)
            size = status.st_size
            if not Path(path).resolve().is_relative_to(self.root):
                problem, size = ("outside_root", "a link that leads out of the footage folder"), 0
            elif not stat.S_ISREG(status.st_mode):
                problem, size = ("not_a_file", "not a regular file"), 0
        except OSError as error:
            problem = ("unreadable", f"not there to be read ({error.strerror})")
        if shown != name:
            problem = ("name_not_utf8", "named in another encoding than UTF-8: rename it")
        return StoredObject(shown, size, problem=problem)

    def sha256(self, stored: StoredObject) -> str:
        return sha256_file(self.root / stored.name)

    def local(self, name: str, sha256: str | None = None) -> Path:
        """Where the file lies, whatever it holds: whoever knows its digest compares it himself."""
        inside = PurePosixPath(name)
        if not inside.is_absolute() and ".." not in inside.parts:
            path = self.root / inside
            if path.resolve().is_relative_to(self.root):
                return path
        raise MediaError("outside_root", "the path leads out of the footage folder")
