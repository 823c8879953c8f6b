"""The object store that an address names."""

from pathlib import Path

from mova_core.errors import UsageError
from mova_core.storage.object_store.base import BUCKET_SCHEME, ObjectStore, is_bucket
from mova_core.storage.object_store.local import LocalFolder


def open_store(where: str) -> ObjectStore:
    """The store at an address; a bucket is not asked yet.

    Raises:
        UsageError: no such folder, or an address that is none.
    """
    if is_bucket(where):
        from mova_core.storage.object_store.s3 import (
            Bucket,  # minio and what it brings: only where a bucket is asked for
        )

        return Bucket.at(where)
    if not Path(where).is_dir():
        raise UsageError(f"{where} is not a folder: expected one, or {BUCKET_SCHEME}BUCKET/PREFIX")
    return LocalFolder(Path(where).resolve())
