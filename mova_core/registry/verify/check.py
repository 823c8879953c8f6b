"""One comparison of bytes with what was recorded of them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mova_core.storage.hashing import sha256_file
from mova_core.storage.manifest import SHOWN_DIGITS, FileEntry

Fault = str  # one sentence: what is wrong, and what to do
Inode = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Check:
    """A comparison that reads bytes.

    Args:
        bytes: how many.
        run: makes it; the fault, or None.
    """

    bytes: int
    run: Callable[[], Fault | None]


class HashedFiles:
    """Digests of files; one that is there under several names (hard links) is read once."""

    def __init__(self) -> None:
        self._digests: dict[Inode, str] = {}

    def sha256(self, path: Path) -> str:
        """Of a file's bytes."""
        status = path.stat()
        inode = status.st_dev, status.st_ino
        if inode not in self._digests:
            self._digests[inode] = sha256_file(path)
        return self._digests[inode]

    def check(self, path: Path, entry: FileEntry, remedy: str) -> Check:
        """Compare a file with a manifest's entry."""

        def run() -> Fault | None:
            if path.is_symlink() or not path.is_file():
                return f"{path} is missing or no file, {entry.bytes} bytes are recorded: {remedy}"
            if (size := path.stat().st_size) != entry.bytes:
                return f"{path} has {size} bytes, {entry.bytes} are recorded: {remedy}"
            if (digest := self.sha256(path)) != entry.sha256:
                return f"{path} has sha256 {digest[:SHOWN_DIGITS]}, {entry.sha256[:SHOWN_DIGITS]} is recorded: {remedy}"
            return None

        return Check(entry.bytes, run)
