"""One store of each kind, empty, and a way past its door."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mova_core.storage.artifact_store.base import ArtifactStore
from mova_core.storage.artifact_store.open import open_artifact_store


@dataclass(frozen=True)
class Behind:
    """A store, and what lies in it as files, however it is reached.

    Args:
        store: as it is used.
        folder: where its objects lie on disk.
    """

    store: ArtifactStore
    folder: Path

    def file(self, name: str) -> Path:
        return self.folder / name

    def blob_file(self, sha256: str) -> Path:
        return self.file(f"blobs/{sha256[:2]}/{sha256}")

    def write_over(self, name: str, data: bytes) -> None:
        """Change what the store holds behind its back."""
        path = self.file(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_bytes(data)


@pytest.fixture(params=["local", "s3"])
def behind(request: pytest.FixtureRequest, tmp_path: Path) -> Behind:
    """An empty store, local or in a bucket of a real server."""
    if request.param == "local":
        return Behind(open_artifact_store("kept", tmp_path), tmp_path / "kept")
    objects = request.getfixturevalue("objects")
    bucket = "a" + hashlib.sha256(os.urandom(8)).hexdigest()[:20]
    objects.client.make_bucket(bucket)
    return Behind(open_artifact_store(f"s3://{bucket}/some/prefix", tmp_path), objects.folder / bucket / "some/prefix")


@pytest.fixture
def store(behind: Behind) -> ArtifactStore:
    return behind.store


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes], tuple[Path, str]]:
    """Function that writes a file of these bytes, and gives its path and digest."""
    numbers = iter(range(1000))

    def write_file(data: bytes) -> tuple[Path, str]:
        path = tmp_path / f"file-{next(numbers)}"
        path.write_bytes(data)
        return path, hashlib.sha256(data).hexdigest()

    return write_file


def manifest_of(**files: bytes) -> bytes:
    """A manifest that lists files of these bytes, by name."""
    import json

    entries: dict[str, Any] = {
        name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()
    }
    return json.dumps({"files": entries}).encode()
