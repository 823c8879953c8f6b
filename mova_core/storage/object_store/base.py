"""Bytes by name: the files of a local folder, or the objects under a prefix of a bucket (MinIO, S3).

Names are data: relative, POSIX, never part of a command, and none leads out of its folder or prefix. A store lists what
it holds and gives a local file of it; how a bucket is reached stands in `s3_access.py`, never in an address.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mova_core.errors import UsageError

BUCKET_SCHEME = "s3://"
ADDRESS = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<prefix>.*))?", re.DOTALL)


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


def bucket_and_prefix(address: str) -> tuple[str, str]:
    """What `s3://bucket/prefix` names; the prefix is a folder's name, with a slash at its end unless it is empty.

    Raises:
        UsageError: the address is not written so.
    """
    match = ADDRESS.fullmatch(address)
    if match is None:
        raise UsageError(f"{address!r} is no address of a bucket: expected {BUCKET_SCHEME}BUCKET/PREFIX")
    prefix = (match["prefix"] or "").strip("/")
    return match["bucket"], f"{prefix}/" if prefix else ""
