"""What a file must be called in a bucket: its sha256, and the ETag that an S3 server gives it, read in one go."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from mova_core.errors import StaleError

PART_BYTES = 16 << 20
MOST_PARTS = 10_000  # of an object, as S3 limits it


@dataclass(frozen=True, slots=True)
class FileDigests:
    """A file as it was when it was read.

    Args:
        bytes: its size.
        sha256: of its bytes.
        part_bytes: size of the parts that it is uploaded in; a smaller file goes in one piece.
        etag: the MD5 of its bytes, in one piece; else the MD5 of its parts' MD5s, a dash, and how many they are.
    """

    bytes: int
    sha256: str
    part_bytes: int
    etag: str


def digests_of(path: Path) -> FileDigests:
    """Read a file.

    Raises:
        StaleError: it is not there.
    """
    if not path.is_file():
        raise StaleError(f"{path} is missing or no file: make it again")
    part_bytes = max(PART_BYTES, -(-path.stat().st_size // MOST_PARTS))
    sha256, size = hashlib.sha256(), 0
    with path.open("rb") as file, ThreadPoolExecutor(1) as pool:  # MD5 beside SHA-256: neither holds the interpreter
        parts = []
        while part := file.read(part_bytes):
            parts.append(pool.submit(_md5, part))
            sha256.update(part)
            size += len(part)
            if len(parts) > 1:
                parts[-2].result()  # at most two parts are held in memory
        md5s = [part.result() for part in parts] or [_md5(b"")]
    etag = md5s[0].hex() if len(md5s) == 1 else f"{_md5(b''.join(md5s)).hex()}-{len(md5s)}"
    return FileDigests(size, sha256.hexdigest(), part_bytes, etag)


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()
