"""Where immutable bytes are kept for good: a local folder or a bucket (MinIO, any S3), behind one protocol.

    blobs/ab/abcd…          content, named by its sha256
    manifests/KIND/NAME     JSON that lists what belongs together: {"files": {path: {"bytes", "sha256"}}, …}
A blob is checked when it is written and when it is read. A manifest is written after every blob that it lists, and
never changes: what a manifest lists is there, whatever was killed. Writing the same again does nothing. How a bucket is
reached is told by `object_store/s3_access.py`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from mova_core.errors import StaleError, UsageError
from mova_core.storage.manifest import SHOWN_DIGITS

SHA256 = re.compile(r"[0-9a-f]{64}")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")  # of a kind or a manifest: no path, no hidden file
BLOBS, MANIFESTS = "blobs", "manifests"


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
    retries, UsageError where it refuses the keys or is not there at all, or a name or digest is not written as one, and
    StaleError where a link lies in the place of a file or folder of its own. Threads may share one."""

    @property
    def address(self) -> str:
        """What names it in params: an absolute path, or `s3://bucket/prefix`."""

    def has_blob(self, sha256: str) -> bool:
        """Whether a blob is there; its content is not read."""

    def put_blob(self, source: Path, sha256: str) -> None:
        """Keep a file's content. The file is read and compared with `sha256` in any case; a blob that is there already
        is compared too, and replaced if it was damaged.

        Raises:
            StaleError: the file is not there, or holds other bytes than `sha256` says. Nothing is kept then.
        """

    def get_blob(self, sha256: str, target: Path) -> None:
        """Write a blob's content to a file, atomically, checked while it is read. The file is read-only: it may share
        its bytes with the store, so replace it rather than write into it.

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
            StaleError: another one of that name is there, a blob that it lists is not, or it lists none at all.
        """

    def get_manifest(self, kind: str, name: str) -> bytes | None:
        """A manifest's content; None if there is none. Whoever knows its sha256 compares it."""

    def kinds(self) -> list[str]:
        """Every kind that there is a manifest of, sorted."""

    def manifests(self, kind: str) -> Iterator[str]:
        """Names of all manifests of a kind, sorted."""

    def remove_manifest(self, kind: str, name: str) -> None:
        """Remove a manifest; one that is not there is no fault. Only garbage collection may."""

    def address_of(self, sha256: str, valid_for: timedelta) -> str | None:
        """An address that anybody may read a blob at for a while (presigned); None of a local folder."""


def blob_place(sha256: str) -> str:
    """Where a blob lies in a store.

    Raises:
        UsageError: it is no digest.
    """
    if not SHA256.fullmatch(sha256):
        raise UsageError(f"{sha256!r} is no sha256: expected 64 digits 0-9, a-f")
    return f"{BLOBS}/{sha256[:2]}/{sha256}"


def manifest_place(kind: str, name: str = "") -> str:
    """Where a manifest lies in a store, or all of its kind.

    Raises:
        UsageError: a kind or name that could lead elsewhere.
    """
    for word in (kind, name or kind):
        if not NAME.fullmatch(word):
            raise UsageError(f"{word!r} is no name of a manifest: expected letters, digits and . _ -, no path")
    return f"{MANIFESTS}/{kind}/{name}" if name else f"{MANIFESTS}/{kind}"


def other_bytes(what: object, sha256: str, found: str, remedy: str) -> StaleError:
    """That something does not hold the bytes that it should."""
    return StaleError(f"{what} has sha256 {found[:SHOWN_DIGITS]}, expected {sha256[:SHOWN_DIGITS]}: {remedy}")
