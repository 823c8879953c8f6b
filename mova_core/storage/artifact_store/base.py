"""Where immutable bytes are kept for good: a local folder or a bucket (MinIO, any S3), behind one protocol.

    blobs/ab/abcd…          content, named by its sha256
    manifests/KIND/NAME     JSON that lists what belongs together: {"files": {path: {"bytes", "sha256"}}, …}
A blob is checked when it is written and when it is read. A manifest is written after every blob that it lists, and
never changes: what a manifest lists is there, whatever was killed. Writing the same again does nothing. How a bucket is
reached is told by `object_store/s3_access.py`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """A blob as the store lists it.

    Args:
        sha256: its name, by which its content must go.
        bytes: its size.
        modified_at: when it was written, seconds since 1970 by the store's clock.
    """

    sha256: str
    bytes: int
    modified_at: float


class ArtifactStore(Protocol):
    """A folder or a bucket. Every method raises MovaError, in one sentence, where the store does not answer after its
    retries, and UsageError where it refuses the keys or is not there at all."""

    @property
    def address(self) -> str:
        """What names it in params: an absolute path, or `s3://bucket/prefix`."""

    def has_blob(self, sha256: str) -> bool:
        """Whether a blob is there; its content is not read."""

    def put_blob(self, source: Path, sha256: str) -> None:
        """Keep a file's content, unless it is there already.

        Raises:
            StaleError: the file holds other bytes than `sha256` says. Nothing is kept then.
        """

    def get_blob(self, sha256: str, target: Path) -> None:
        """Write a blob's content to a file, atomically, checked while it is read.

        Raises:
            StaleError: there is no such blob, or it holds other bytes than its name says. `target` is not written then.
        """

    def blobs(self) -> Iterator[StoredBlob]:
        """Every blob, by name."""

    def remove_blob(self, sha256: str) -> None:
        """Remove a blob; one that is not there is no fault. Only garbage collection may."""

    def put_manifest(self, kind: str, name: str, content: bytes) -> None:
        """Keep a manifest; the same again does nothing.

        Raises:
            StaleError: another one of that name is there, or a blob that it lists is not.
        """

    def get_manifest(self, kind: str, name: str) -> bytes | None:
        """A manifest's content; None if there is none."""

    def manifests(self, kind: str) -> Iterator[str]:
        """Names of all manifests of a kind, sorted."""

    def remove_manifest(self, kind: str, name: str) -> None:
        """Remove a manifest; one that is not there is no fault. Only garbage collection may."""

    def address_of(self, sha256: str, valid_for: timedelta) -> str | None:
        """An address that anybody may read a blob at for a while (presigned); None of a local folder."""
