"""Jobs and all their files are removed: when a client says so, and when they were kept long enough."""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import sqlalchemy as sa

from mova_core.registry.database.connection import reading, writing
from mova_core.registry.database.tables import Job, JobInput
from services.jobs.inputs import JobInputs
from services.jobs.results import result_files
from services.jobs.view import find
from services.settings import ServiceSettings

AT_ONCE = 100
ORPHAN_AFTER_S = 3600.0  # a file is put some moments before its job is queued


class JobRemoval:
    """Removes jobs.

    Args:
        engine: the registry.
        inputs: the files that jobs are made from.
        settings: where clips are kept, and how long.
    """

    def __init__(self, engine: sa.Engine, inputs: JobInputs, settings: ServiceSettings) -> None:
        self.engine, self.inputs, self.settings = engine, inputs, settings

    def remove(self, job_id: str, owner: str | None = None) -> bool:
        """Remove a job, whatever its state: one that is worked on stops at its next step, and leaves nothing.

        Args:
            job_id: of which.
            owner: whose jobs are removed alone; None: everybody's.

        Returns:
            Whether there was one.
        """
        if owner is not None and find(self.engine, job_id, owner) is None:  # owners never change
            return False
        files = result_files(self.settings, job_id)
        _unlink(files)  # first: killed behind it, the job is still there to be removed
        with writing(self.engine) as session:
            named = set(session.scalars(sa.select(JobInput.sha256).where(JobInput.job_id == job_id)))
            gone = session.scalar(sa.delete(Job).where(Job.job_id == job_id).returning(Job.job_id))
        if gone is None:
            return False
        _unlink(files)  # and of one that was just finished
        self.inputs.remove_unused(self.engine, named)
        return True

    def remove_expired(self) -> int:
        """Remove the jobs that finished longer ago than they are kept; returns how many."""
        return sum(self.remove(job_id) for job_id in self._expired())

    def remove_orphans(self) -> None:
        """Remove files of jobs that were removed by a process that was killed before it came to them."""
        before = time.time() - ORPHAN_AFTER_S
        old = {blob.sha256 for blob in self.inputs.store.blobs() if blob.modified_at < before}
        self.inputs.remove_unused(self.engine, old)

    def _expired(self) -> Iterator[str]:
        before = time.time() - self.settings.params.keep_s
        with reading(self.engine) as session:
            yield from session.scalars(sa.select(Job.job_id).where(Job.finished_at < before).limit(AT_ONCE)).all()


def _unlink(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
