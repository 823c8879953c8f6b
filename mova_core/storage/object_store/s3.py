"""A prefix of a bucket as a store: each object is fetched once into a cache folder, named by its content and verified.

On disk an object is `objects/ab/abcd…` (its sha256), so no name of an object ever becomes a name of a file. Which
object, by its ETag, held which content is remembered beside it: what did not change is not fetched again. `MOVA_CACHE`
names the cache (default ~/.cache/mova); on a Ray cluster it must be a folder that all nodes share.
"""

import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from mova_core.errors import MediaError, UsageError
from mova_core.storage.atomic import make_folder
from mova_core.storage.hashing import sha256_json
from mova_core.storage.object_store.base import BUCKET_SCHEME, StoredObject, bucket_and_prefix
from mova_core.storage.object_store.s3_access import NoSuchKey, answers, client, endpoint
from mova_core.storage.result_cache import ResultCache

PIECE_BYTES = 1 << 20
SHA256 = re.compile(r"[0-9a-f]{64}")


def cache_folder() -> Path:
    """Where fetched objects are kept."""
    return Path(os.environ.get("MOVA_CACHE") or Path.home() / ".cache/mova")


@dataclass(frozen=True)
class Bucket:
    """The objects of a bucket under a prefix, which is a folder's name: `a` holds `a/b.mp4`, not `ab.mp4`."""

    bucket: str
    prefix: str
    cache: Path

    @classmethod
    def at(cls, address: str) -> "Bucket":
        """The store at `s3://bucket/prefix`.

        Raises:
            UsageError: the address is not written so.
        """
        return cls(*bucket_and_prefix(address), cache_folder())

    @property
    def address(self) -> str:
        return f"{BUCKET_SCHEME}{self.bucket}/{self.prefix}".rstrip("/")

    def listed(self) -> Iterator[StoredObject]:
        """Every object but hidden ones and markers of folders.

        Raises:
            UsageError: the bucket is not there, or the keys are refused.
            MovaError: the server does not answer.
        """
        for name, one in self._objects():
            if _hidden_part(name) is None:
                yield StoredObject(name, one.size or 0, (one.etag or "").strip('"') or None, _problem(name))

    def hidden(self) -> list[str]:
        found = (_hidden_part(name) for name, _ in self._objects())
        return list(dict.fromkeys(name for name in found if name is not None))

    def _objects(self) -> list[tuple[str, Any]]:
        """Everything under the prefix but markers of folders, by its name there, in the order of the names."""
        with answers(self.bucket):
            found = list(self._client.list_objects(self.bucket, prefix=self.prefix, recursive=True))
        named = [(one.object_name.removeprefix(self.prefix), one) for one in found]
        named.sort(key=lambda item: item[0].encode("utf-8", "surrogatepass"))
        return [(name, one) for name, one in named if name and not name.endswith("/")]

    def sha256(self, stored: StoredObject) -> str:
        """Digest of an object just listed; fetches it unless this very version was fetched before.

        Raises:
            MediaError: `changed_since_listed` or `unreadable`.
        """
        remembered = ResultCache("fetched", self.cache)
        key = sha256_json(endpoint(), self.bucket, self.prefix, stored.name, stored.version, stored.bytes)
        known = remembered.get(key) if stored.version else None
        if known is not None and self._cached(known) is not None:
            return str(known)
        sha256, size, version = self._fetch(stored.name)
        if size != stored.bytes or version != stored.version:
            raise MediaError("changed_since_listed", "it changes while it is being fetched: run again")
        remembered.put(key, sha256)
        return sha256

    def local(self, name: str, sha256: str | None = None) -> Path:
        """The cached file of an object whose content is known, fetched if it is not there.

        Raises:
            MediaError: `outside_root`, `unreadable` when the object is gone, `changed_since_locked` when it holds other
                bytes by now.
        """
        if _problem(name) is not None or sha256 is None or not SHA256.fullmatch(sha256):
            raise MediaError("outside_root", "no name and digest of an object under the prefix")
        if (path := self._cached(sha256)) is not None:
            return path
        found, size, _ = self._fetch(name)
        if found != sha256:
            raise MediaError("changed_since_locked", f"other bytes ({size}) than when it was locked: lock it again")
        return self._place(sha256)

    @cached_property
    def _client(self) -> Any:
        return client()

    def _cached(self, sha256: str) -> Path | None:
        path = self._place(sha256)
        return path if path.is_file() else None

    def _place(self, sha256: str) -> Path:
        return self.cache / "objects" / sha256[:2] / sha256

    def _fetch(self, name: str) -> tuple[str, int, str | None]:
        """Bring an object into the cache; its digest, size and ETag."""
        folder = self.cache / "objects"
        make_folder(folder)
        temporary = folder / f".tmp-{secrets.token_hex(6)}"
        digest = hashlib.sha256()
        response = None
        try:
            with answers(self.bucket), temporary.open("wb") as file:
                response = self._client.get_object(self.bucket, self.prefix + name)
                for piece in response.stream(PIECE_BYTES, decode_content=False):
                    digest.update(piece)
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            size = temporary.stat().st_size
            path = self._place(digest.hexdigest())
            make_folder(path.parent)
            temporary.replace(path)
        except NoSuchKey:
            raise MediaError("unreadable", f"it is no longer in bucket {self.bucket}: lock the footage again") from None
        except OSError as error:
            free = shutil.disk_usage(folder).free
            raise UsageError(
                f"{folder} cannot take {name!r} ({error.strerror}, {free >> 20} MiB free): set MOVA_CACHE"
            ) from None
        finally:
            temporary.unlink(missing_ok=True)
            if response is not None:
                response.close()
                response.release_conn()
        return digest.hexdigest(), size, (response.headers.get("ETag") or "").strip('"') or None


def _hidden_part(name: str) -> str | None:
    """A name up to its first part that begins with a dot; None if there is no such part."""
    parts = name.split("/")
    for count, part in enumerate(parts, start=1):
        if part.startswith(".") and part not in (".", ".."):
            return "/".join(parts[:count])
    return None


def _problem(name: str) -> tuple[str, str] | None:
    """A name that is no path below the prefix could not be told from one that is in the tables."""
    if name.startswith("/") or "\0" in name or any(part in (".", "..") for part in name.split("/")):
        return ("outside_root", "an object's name that leads out of its prefix")
    return None
