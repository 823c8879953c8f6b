"""Bytes by name: the files of a local folder, or the objects under a prefix of a bucket (MinIO, S3).

Names are data: relative, POSIX, never part of a command, and none leads out of its folder or prefix. A store lists what
it holds and gives a local file of it; how a bucket is reached stands in `s3_access.py`, never in an address.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

BUCKET_SCHEME = "s3://"


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One file or object.

    Args:
        name: relative to the folder or prefix.
        bytes: its size.
        version: changes with the content, where the store knows without reading it (a bucket's ETag).
        problem: (reason code, reason) of what cannot be opened at all.
    """

    name: str
    bytes: int
    version: str | None = None
    problem: tuple[str, str] | None = None


class ObjectStore(Protocol):
    """A folder or a bucket."""

    @property
    def address(self) -> str:
        """What names it in a lock: an absolute path, or `s3://bucket/prefix`."""

    def listed(self) -> Iterator[StoredObject]:
        """Everything in it that is not hidden, in the order of the names."""

    def hidden(self) -> list[str]:
        """Names of the files and folders that `listed` skips because they begin with a dot, in their order; a folder
        counts as one."""

    def sha256(self, stored: StoredObject) -> str:
        """Digest of what it holds now under a name just listed; afterwards `local` has it at hand."""

    def local(self, name: str, sha256: str | None = None) -> Path:
        """A local file that holds it.

        Args:
            name: as listed.
            sha256: of the content wanted; a bucket needs it.

        Raises:
            MediaError: `outside_root` for a name that leads out; what a bucket has to say of a lost or changed object.
        """


def is_bucket(where: str) -> bool:
    """Whether an address names a bucket."""
    return where.startswith(BUCKET_SCHEME)
