"""A bundle's archive: a plain tar with the members that `statement.py` names, in that order and no others.

Read without tarfile's own reader, which follows extended headers of any size before a caller sees them: here a header
is 512 bytes, must be that of a regular file of the expected name and size, and its content must hash to what is signed.
"""

import hashlib
import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from mova_core.errors import StaleError, UsageError
from mova_core.progress import track
from mova_core.registry.bundle.keys import SIGNATURE_BYTES, check_signature
from mova_core.registry.bundle.statement import (
    BLOBS,
    SIGNATURE_FILE,
    STATEMENT_BYTES,
    STATEMENT_FILE,
    Statement,
    read_statement,
)

HEADER_BYTES = tarfile.BLOCKSIZE
PIECE_BYTES = 1 << 20
PICKLE_STARTS = (*(bytes((0x80, protocol)) for protocol in range(2, 6)), b"PK\x03\x04")  # torch.save writes a zip
SAFETENSORS_HEADER = slice(8, 9)  # is `{`, after eight bytes of length, which may begin like a pickle


@dataclass(frozen=True, slots=True)
class CheckedArchive:
    """A bundle of which every byte was checked.

    Args:
        path: of the file.
        statement: what it states.
        offsets: where each content begins in the file, by sha256.
    """

    path: Path
    statement: Statement
    offsets: dict[str, int]

    def read(self, sha256: str) -> bytes:
        """The whole of one content; only for small ones."""
        return b"".join(self._pieces(sha256))

    def write_to(self, sha256: str, target: Path) -> None:
        """Write one content to a file.

        Raises:
            StaleError: the bundle changed since it was checked.
        """
        digest = hashlib.sha256()
        with target.open("xb") as file:
            for piece in self._pieces(sha256):
                digest.update(piece)
                file.write(piece)
        if digest.hexdigest() != sha256:
            raise StaleError(f"{self.path} changed while it was read: run it again")

    def _pieces(self, sha256: str) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            file.seek(self.offsets[sha256])
            yield from _pieces(file, self.statement.blobs()[sha256])


def write_archive(target: Path, statement: bytes, signature: bytes, blobs: dict[str, Path]) -> None:
    """Write a bundle; the same contents give the same bytes.

    Args:
        target: the file.
        statement: signed.
        signature: of it.
        blobs: file of each content, by sha256.
    """
    with tarfile.open(target, "w", format=tarfile.GNU_FORMAT) as archive:
        for name, content in ((STATEMENT_FILE, statement), (SIGNATURE_FILE, signature)):
            archive.addfile(_member(name, len(content)), io.BytesIO(content))
        for sha256, path in track(sorted(blobs.items()), len(blobs), "export"):
            with path.open("rb") as file:
                archive.addfile(_member(f"{BLOBS}/{sha256}", path.stat().st_size), file)


def check_archive(path: Path, trusted: Ed25519PublicKey) -> CheckedArchive:
    """Read a bundle from its first to its last byte; nothing is written.

    Args:
        path: the file.
        trusted: whose signature counts.

    Raises:
        UsageError: there is no such file.
        StaleError: it is unsigned, signed by another key, altered, too long or too short, or holds anything else than
            the regular files that it states: a link, a path out of its folder, a pickle.
    """
    if not path.is_file():
        raise UsageError(f"{path} is not there, expected a bundle that `mova registry export` wrote")
    with path.open("rb") as file:
        content = _read_member(file, path, STATEMENT_FILE, STATEMENT_BYTES)
        signature = _read_member(file, path, SIGNATURE_FILE, SIGNATURE_BYTES)
        check_signature(trusted, signature, content, str(path))
        statement = read_statement(content, str(path))
        blobs = statement.blobs()
        offsets = {}
        for sha256, size in track(blobs.items(), len(blobs), "check"):
            name = f"{BLOBS}/{sha256}"
            if (found := _header(file, path, name)) != size:
                _refuse(path, f"{name} has {found} bytes, {size} are signed")
            offsets[sha256] = file.tell()
            _check_content(file, path, name, size, sha256)
        _check_end(file, path)
    return CheckedArchive(path, statement, offsets)


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size = size
    return member


def _read_member(file: BinaryIO, path: Path, name: str, most: int) -> bytes:
    size = _header(file, path, name)
    if size > most:
        _refuse(path, f"{name} has {size} bytes, expected at most {most}")
    content = b"".join(_pieces(file, size))
    if len(content) != size:
        _refuse(path, f"it ends within {name}")
    _check_padding(file, path, size)
    return content


def _header(file: BinaryIO, path: Path, name: str) -> int:
    """Size of the next member, which must be a regular file of this name."""
    try:
        member = tarfile.TarInfo.frombuf(file.read(HEADER_BYTES), "utf-8", "strict")
    except (tarfile.HeaderError, ValueError):
        _refuse(path, f"expected {name} as its next part")
    if member.type != tarfile.REGTYPE or member.name != name or member.size < 0:
        kind = "a regular file" if member.type == tarfile.REGTYPE else "no regular file"
        _refuse(path, f"its next part is {member.name!r:.100} ({kind}), expected {name}")
    return member.size


def _check_content(file: BinaryIO, path: Path, name: str, size: int, sha256: str) -> None:
    digest = hashlib.sha256()
    for number, piece in enumerate(_pieces(file, size)):
        if number == 0 and piece.startswith(PICKLE_STARTS) and piece[SAFETENSORS_HEADER] != b"{":
            _refuse(path, f"{name} is a pickle, which can run code when read")
        digest.update(piece)
    if digest.hexdigest() != sha256:
        _refuse(path, f"{name} holds other bytes than are signed")
    _check_padding(file, path, size)


def _check_end(file: BinaryIO, path: Path) -> None:
    rest = file.read(tarfile.RECORDSIZE + 2 * HEADER_BYTES)
    if any(rest) or not 2 * HEADER_BYTES <= len(rest) < tarfile.RECORDSIZE + 2 * HEADER_BYTES:
        _refuse(path, "its end is cut off, or it goes on after its last part")


def _pieces(file: BinaryIO, size: int) -> Iterator[bytes]:
    while size > 0 and (piece := file.read(min(PIECE_BYTES, size))):
        size -= len(piece)
        yield piece


def _check_padding(file: BinaryIO, path: Path, size: int) -> None:
    if any(file.read(-size % HEADER_BYTES)):
        _refuse(path, "there are bytes between its parts")


def _refuse(path: Path, fault: str) -> NoReturn:
    raise StaleError(
        f"{path} is refused, {fault}: it is no whole bundle or was altered, ask who sent it for the file again"
    )
