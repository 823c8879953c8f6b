"""A prefix of a bucket as an artifact store, by the `minio` client.

An upload is compared with what the server says it holds: its ETag is the MD5 of an object, or that of its parts'
MD5s; where it is neither (keys of a KMS), the object is read back. A file over PART_BYTES goes in parts, several at a
time, and appears as an object when the last one is there: killed halfway, nothing is. Parts that were left behind are
removed by the server (MinIO after a day; at AWS by a lifecycle rule `AbortIncompleteMultipartUpload`).

A bucket has no exclusive write that all servers know. Two writers of one manifest name with other content each read
it again afterwards, so the one whose content is not there is told; names that carry a digest never meet.
"""

import hashlib
import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from mova_core.errors import StaleError, UsageError
from mova_core.params.registry import Encryption
from mova_core.storage.artifact_store.base import (
    BLOBS,
    MANIFESTS,
    NAME,
    SHA256,
    StoredBlob,
    blob_place,
    manifest_place,
    other_bytes,
)
from mova_core.storage.artifact_store.digests import FileDigests, digests_of
from mova_core.storage.artifact_store.listed import check_present, listed_files
from mova_core.storage.artifact_store.retry import until_answered
from mova_core.storage.atomic import atomic_path
from mova_core.storage.manifest import SHOWN_DIGITS
from mova_core.storage.object_store.base import BUCKET_SCHEME, bucket_and_prefix
from mova_core.storage.object_store.s3_access import NoSuchKey, answers, client

PARTS_AT_ONCE = 3
REQUESTS_AT_ONCE = 8
PIECE_BYTES = 1 << 20
LONGEST_PRESIGNED = timedelta(days=7)  # as signature version 4 limits it

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class _Held:
    """What the server says of an object."""

    bytes: int
    etag: str


@dataclass(frozen=True)
class S3Store:
    """The objects under a prefix: empty, or a folder's name with a slash at its end."""

    bucket: str
    prefix: str
    encryption: Encryption = "none"

    @classmethod
    def at(cls, address: str, encryption: Encryption = "none") -> "S3Store":
        """The store at `s3://bucket/prefix`.

        Raises:
            UsageError: the address is not written so.
        """
        return cls(*bucket_and_prefix(address), encryption)

    @property
    def address(self) -> str:
        return f"{BUCKET_SCHEME}{self.bucket}/{self.prefix}".rstrip("/")

    def has_blob(self, sha256: str) -> bool:
        return self._held(blob_place(sha256)) is not None

    def put_blob(self, source: Path, sha256: str) -> None:
        place = blob_place(sha256)
        held = self._held(place)
        digests = digests_of(source)
        if digests.sha256 != sha256:
            raise other_bytes(source, sha256, digests.sha256, "it was altered, make it again")
        if held is not None and held.bytes == digests.bytes and self._is(place, held.etag, digests):
            return
        if not self._is(place, self._ask(lambda: self._upload(place, source, digests)), digests):
            raise StaleError(f"{self.address} holds other bytes of {source} than were sent: run again")

    def get_blob(self, sha256: str, target: Path) -> None:
        place = blob_place(sha256)
        with atomic_path(target) as temporary:
            try:
                found = self._ask(lambda: self._download(place, temporary))
            except NoSuchKey:
                raise StaleError(f"blob {sha256[:SHOWN_DIGITS]} is not in {self.address}: put it again") from None
            if found != sha256:
                what = f"blob {sha256[:SHOWN_DIGITS]} in {self.address}"
                raise other_bytes(what, sha256, found, "it was damaged, put it again from where it came from")
            temporary.chmod(0o444)

    def blobs(self) -> Iterator[StoredBlob]:
        for name, one in self._listed(f"{BLOBS}/"):
            folder, _, sha256 = name.partition("/")
            if SHA256.fullmatch(sha256) and folder == sha256[:2]:
                yield StoredBlob(sha256, one.size, one.last_modified.timestamp())

    def remove_blob(self, sha256: str) -> None:
        self._remove(blob_place(sha256))

    def put_manifest(self, kind: str, name: str, content: bytes) -> None:
        place, what = manifest_place(kind, name), f"manifest {kind}/{name}"
        blobs = {entry.sha256 for entry in listed_files(content, what).values()}
        with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
            held = dict(zip(blobs, pool.map(self._held, map(blob_place, blobs)), strict=True))
        sizes = {sha256: one.bytes for sha256, one in held.items() if one is not None}
        check_present(content, what, sizes.get)
        if self._read(place) is None:
            self._ask(lambda: self._put(place, io.BytesIO(content), len(content)))
        if self._read(place) != content:
            raise StaleError(
                f"{what} is in {self.address} with other content: a manifest never changes, choose another name"
            )

    def get_manifest(self, kind: str, name: str) -> bytes | None:
        return self._read(manifest_place(kind, name))

    def kinds(self) -> list[str]:
        names = {name.partition("/")[0] for name, _ in self._listed(f"{MANIFESTS}/")}
        return sorted(name for name in names if NAME.fullmatch(name))

    def manifests(self, kind: str) -> Iterator[str]:
        for name, _ in self._listed(f"{manifest_place(kind)}/"):
            if NAME.fullmatch(name):
                yield name

    def remove_manifest(self, kind: str, name: str) -> None:
        self._remove(manifest_place(kind, name))

    def address_of(self, sha256: str, valid_for: timedelta) -> str | None:
        if not timedelta(seconds=1) <= valid_for <= LONGEST_PRESIGNED:
            raise UsageError(f"an address cannot be valid for {valid_for}: expected from a second to seven days")
        name = self.prefix + blob_place(sha256)
        return self._ask(lambda: str(self._client.presigned_get_object(self.bucket, name, expires=valid_for)))

    @cached_property
    def _client(self) -> Any:
        return client()

    def _ask(self, request: Callable[[], Answer]) -> Answer:
        """What a request gives, made again while the server does not answer; faults as `answers` tells them."""

        def once() -> Answer:
            with answers(self.bucket):
                return request()

        return until_answered(once)

    def _held(self, place: str) -> _Held | None:
        try:
            found = self._ask(lambda: self._client.stat_object(self.bucket, self.prefix + place))
        except NoSuchKey:
            self._check_bucket()  # this request has no answer of its own for a bucket that is not there
            return None
        return _Held(found.size, (found.etag or "").strip('"'))

    def _check_bucket(self) -> None:
        if not self._bucket_is_there:
            raise UsageError(f"there is no bucket {self.bucket}: make it, or correct registry.store in params.yaml")

    @cached_property
    def _bucket_is_there(self) -> bool:
        return bool(self._ask(lambda: self._client.bucket_exists(self.bucket)))

    def _is(self, place: str, etag: str, digests: FileDigests) -> bool:
        """Whether an object holds the bytes of a file, by its ETag if that tells it, else read back."""
        return etag == digests.etag or self._ask(lambda: self._read_back(place)) == digests.sha256

    def _upload(self, place: str, source: Path, digests: FileDigests) -> str:
        try:
            with source.open("rb") as file:
                return self._put(place, file, digests.bytes, digests.part_bytes)
        except OSError as error:
            raise StaleError(f"{source} changed while it was uploaded ({error}): run again") from None

    def _put(self, place: str, data: Any, size: int, part_bytes: int = 0) -> str:
        """Write an object; its ETag as the server gives it."""
        from minio.sse import SseS3

        done = self._client.put_object(
            self.bucket,
            self.prefix + place,
            data,
            size,
            part_size=part_bytes,
            num_parallel_uploads=PARTS_AT_ONCE,
            sse=SseS3() if self.encryption == "sse-s3" else None,
        )
        return (done.etag or "").strip('"')

    def _read(self, place: str) -> bytes | None:
        try:
            return self._ask(lambda: self._whole(place))
        except NoSuchKey:
            return None

    def _whole(self, place: str) -> bytes:
        pieces: list[bytes] = []
        self._each_piece(place, pieces.append)
        return b"".join(pieces)

    def _download(self, place: str, target: Path) -> str:
        """Write an object to a file; the sha256 of what came."""
        digest = hashlib.sha256()

        def take(piece: bytes) -> None:
            digest.update(piece)
            file.write(piece)

        with target.open("wb") as file:
            self._each_piece(place, take)
        return digest.hexdigest()

    def _read_back(self, place: str) -> str:
        digest = hashlib.sha256()
        self._each_piece(place, digest.update)
        return digest.hexdigest()

    def _each_piece(self, place: str, take: Callable[[bytes], object]) -> None:
        """Read an object once, from its beginning to its end."""
        response = self._client.get_object(self.bucket, self.prefix + place)
        try:
            for piece in response.stream(PIECE_BYTES, decode_content=False):
                take(piece)
        finally:
            response.close()
            response.release_conn()

    def _listed(self, place: str) -> list[tuple[str, Any]]:
        """Every object under a folder of the store, by its name there, sorted."""
        start = self.prefix + place
        found = self._ask(lambda: list(self._client.list_objects(self.bucket, prefix=start, recursive=True)))
        return sorted(((one.object_name.removeprefix(start), one) for one in found), key=lambda item: str(item[0]))

    def _remove(self, place: str) -> None:
        try:
            self._ask(lambda: self._client.remove_object(self.bucket, self.prefix + place))
        except NoSuchKey:
            return
