"""The files that jobs are made from, kept by their content for as long as a job names them."""

import hashlib
import tempfile
from pathlib import Path

import sqlalchemy as sa

from mova_core.places import SERVED_INPUTS
from mova_core.registry.database.connection import only_one, writing
from mova_core.registry.database.tables import JobInput
from mova_core.storage.artifact_store.base import ArtifactStore
from mova_core.storage.artifact_store.local import LocalStore

LOCK = "job inputs"


class JobInputs:
    """Files by content.

    Args:
        store: that holds nothing else.
    """

    def __init__(self, store: ArtifactStore) -> None:
        self.store = store

    @classmethod
    def of_project(cls, root: Path) -> "JobInputs":
        """Those of a project's service."""
        return cls(LocalStore((root / SERVED_INPUTS).absolute()))

    def put(self, data: bytes) -> str:
        """Keep a file; returns the sha256 that names it."""
        sha256 = hashlib.sha256(data).hexdigest()
        with tempfile.NamedTemporaryFile(prefix="mova-input-") as file:
            file.write(data)
            file.flush()
            self.store.put_blob(Path(file.name), sha256)
        return sha256

    def put_file(self, path: Path, sha256: str) -> None:
        """Keep a file whose sha256 is known."""
        self.store.put_blob(path, sha256)

    def has(self, sha256: str) -> bool:
        """Whether a file is there."""
        return self.store.has_blob(sha256)

    def read(self, sha256: str) -> bytes:
        """A file's bytes.

        Raises:
            StaleError: it is gone, or damaged.
        """
        with tempfile.TemporaryDirectory(prefix="mova-input-") as folder:
            self.copy(sha256, Path(folder, "input"))
            return Path(folder, "input").read_bytes()

    def copy(self, sha256: str, path: Path) -> None:
        """A file under a name; errors as of `read`."""
        self.store.get_blob(sha256, path)

    def remove_unused(self, engine: sa.Engine, sha256s: set[str]) -> None:
        """Remove those of these files that no job names any more.

        A job is only queued while its files are there, which is looked at under the same lock.
        """
        if not sha256s:
            return
        with writing(engine) as session:
            only_one(session, LOCK)
            used = set(session.scalars(sa.select(JobInput.sha256).where(JobInput.sha256.in_(sha256s))))
            for sha256 in sorted(sha256s - used):
                self.store.remove_blob(sha256)
