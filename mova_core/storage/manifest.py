"""Manifests: JSON files that say what a folder holds, written after all of it; a reader trusts nothing else.

    {"schema", …, "files": {path in the folder: {"bytes", "sha256"}}}
A class of each kind says which keys there are; unknown ones are passed over. They hold against damage and mix-ups:
whoever can write both a folder and its manifest can alter both.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, ClassVar, NoReturn, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from mova_core.errors import StaleError, first_fault
from mova_core.storage.atomic import write_text
from mova_core.storage.hashing import sha256_file

MANIFEST_FILE = "manifest.json"
SHOWN_DIGITS = 12  # of a sha256, in messages

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Manifest(BaseModel):
    """Base of every kind; `SCHEMA` is what its key "schema" must be, None for files without one."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    SCHEMA: ClassVar[str | None] = None


class FileEntry(Manifest):
    """Size and hash of one file."""

    bytes: int
    sha256: Sha256


def _inside(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or path.as_posix() != name or name == ".":
        raise ValueError(f"got file {name!r}, expected a path inside the folder")
    return name


Files = dict[Annotated[str, AfterValidator(_inside)], FileEntry]  # by path in the folder
Read = TypeVar("Read", bound=Manifest)


def file_entry(path: Path) -> FileEntry:
    """Size and hash of a file as it lies there."""
    return FileEntry(bytes=path.stat().st_size, sha256=sha256_file(path))


def file_entries(folder: Path) -> Files:
    """Those of every file in a folder."""
    return {name: file_entry(folder / name) for name in file_names(folder)}


def file_names(folder: Path) -> list[str]:
    """The path in a folder of every file in it, sorted."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def write_manifest(path: Path, values: Manifest | Mapping[str, Any]) -> None:
    """Write a manifest atomically; a mapping is plain but for entries of files."""
    if isinstance(values, Manifest):
        values = ({"schema": values.SCHEMA} if values.SCHEMA else {}) | values.model_dump()
    write_text(path, json.dumps(values, indent=1, default=FileEntry.model_dump) + "\n")


def read_manifest(path: Path, kind: type[Read], remedy: str = "make it again") -> tuple[Read, str]:
    """Read a manifest; the files that it lists are not looked at.

    Returns:
        What it says, and the sha256 of its bytes.

    Raises:
        StaleError: it is missing or no JSON, has another schema, or a key is missing or of another kind than expected.
    """
    try:
        data = path.read_bytes()
        values = json.loads(data, parse_constant=_refuse)
        if kind.SCHEMA and isinstance(values, dict) and (got := values.get("schema")) != kind.SCHEMA:
            raise ValueError(f"schema {got!r}, expected {kind.SCHEMA!r}")
        return kind.model_validate(values), hashlib.sha256(data).hexdigest()
    except FileNotFoundError:
        raise StaleError(f"{path} is missing: {remedy}") from None
    except ValueError as error:  # also not JSON, not UTF-8, or a number that JSON has not
        fault = first_fault(error)
    raise StaleError(f"{path} cannot be read ({fault}): another version wrote it or it is damaged, {remedy}")


def fault(path: Path, entry: FileEntry | None) -> str | None:
    """What is wrong with a file, got and expected; None if it is byte for byte the one of its manifest's entry."""
    if entry is None:
        return "is not in the manifest"
    if not path.is_file():
        return f"is missing, the manifest lists {entry.bytes} bytes"
    if (size := path.stat().st_size) != entry.bytes:
        return f"has {size} bytes, the manifest lists {entry.bytes}"
    if (digest := sha256_file(path)) != entry.sha256:
        return f"has sha256 {digest[:SHOWN_DIGITS]}, the manifest lists {entry.sha256[:SHOWN_DIGITS]}"
    return None


def verify(folder: Path, files: Files, remedy: str, *, unlisted: Collection[str] | None = ()) -> None:
    """Compare a folder with what its manifest lists.

    Args:
        folder: where the files lie.
        files: what the manifest lists.
        remedy: what to do about a fault.
        unlisted: files that may lie there without being listed; None for any.

    Raises:
        StaleError: names the first file that is missing, altered or, last, not listed.
    """
    others = [] if unlisted is None else [name for name in file_names(folder) if name not in {*files, *unlisted}]
    for name in (*files, *others):
        if wrong := fault(folder / name, files.get(name)):
            raise StaleError(f"{folder / name} {wrong}: {remedy}")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"it holds {constant}, which is no JSON number")
