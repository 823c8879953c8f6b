"""Which file of the footage a path means that a person or another system wrote, and which file a sidecar lies beside.

A path may be written otherwise than the footage lists it and still mean the same file: `./a.mp4`, `b//a.mp4`,
`b/../a.mp4`, `b\\a.mp4` as Windows writes it, or accents composed otherwise (Unicode NFC and NFD: macOS lists names
decomposed). The exact path comes first, so a file whose name holds a backslash can be named too. Upper and lower case
are told apart, as by the file system: two files may differ in it alone. What means nothing is refused with the file
that it may have meant.
"""

import posixpath
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable
from pathlib import PurePosixPath

from mova_core.curation.ingest.sidecars import SIDECAR_SUFFIX
from mova_core.errors import UsageError


class FilePaths:
    """Paths of files relative to one root, POSIX, looked up as they may be written."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths = frozenset(paths)
        self._composed: dict[str, list[str]] = defaultdict(list)
        self._alike: dict[str, str] = {}
        for path in sorted(self._paths):
            self._composed[_composed(path)].append(path)
            self._alike.setdefault(_alike(path), path)

    def find(self, written: str) -> str:
        """The file that a written path means.

        Raises:
            UsageError: there is none, or there are several.
        """
        for way in dict.fromkeys((written, _normal(written), _normal(written.replace("\\", "/")))):
            if way in self._paths:
                return way
            if found := self._composed.get(_composed(way)):
                if len(found) > 1:
                    raise UsageError(
                        f"{written!r} may mean {' or '.join(map(ascii, found))} (the same letters, composed otherwise)"
                        ": rename one of them"
                    )
                return found[0]
        if any(part.startswith(".") for part in PurePosixPath(_normal(written)).parts if part != ".."):
            raise UsageError(f"{written!r} is hidden (its name begins with a dot) and no footage: rename it")
        near = self._alike.get(_alike(written.replace("\\", "/")))
        hint = f"write {near!r} if that is meant" if near is not None else "correct the row or remove it"
        raise UsageError(f"there is no file {written!r} in the footage: {hint}")


def sidecars_beside(paths: Collection[str]) -> tuple[dict[str, str], dict[str, tuple[str, str]]]:
    """Which of these paths are sidecars of others.

    Returns:
        Path of a file -> path of its sidecar; path of what is named like a sidecar and lies beside no file -> (reason
        code, reason).
    """
    found = FilePaths(paths)
    beside: dict[str, str] = {}
    lone: dict[str, tuple[str, str]] = {}
    for path in sorted(path for path in paths if path.endswith(SIDECAR_SUFFIX)):
        stem = path.removesuffix(SIDECAR_SUFFIX)
        try:
            beside.setdefault(found.find(stem), path)
        except UsageError as error:
            if PurePosixPath(stem).suffix:
                lone[path] = ("sidecar_alone", f"named as the sidecar of a file, but {error}")
    return beside, lone


def _normal(path: str) -> str:
    return posixpath.normpath(path)


def _composed(path: str) -> str:
    return unicodedata.normalize("NFC", path)


def _alike(path: str) -> str:
    """The same for paths that a person may take for each other."""
    return unicodedata.normalize("NFKC", _normal(path.strip())).casefold()
