"""The artifact store that an address names."""

from pathlib import Path

from mova_core.params.registry import Encryption
from mova_core.places import ARTIFACTS
from mova_core.storage.artifact_store.base import ArtifactStore
from mova_core.storage.artifact_store.local import LocalStore
from mova_core.storage.object_store.base import is_bucket


def open_artifact_store(address: str | None, root: Path, encryption: Encryption = "none") -> ArtifactStore:
    """The store at an address; a bucket is not asked yet, a folder is made when something is put there.

    Args:
        address: `registry.store` of params.yaml: a folder, from the project's, or `s3://BUCKET/PREFIX`; None for the
            project's own.
        root: the project's folder.
        encryption: of what is written to a bucket.

    Raises:
        UsageError: a bucket's address that is none, or no keys for it.
    """
    if address is not None and is_bucket(address):
        from mova_core.storage.artifact_store.s3 import S3Store  # minio, certifi: only where a bucket is meant

        return S3Store.at(address, encryption)
    return LocalStore((root / (ARTIFACTS if address is None else address)).absolute())
