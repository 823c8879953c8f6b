"""A worker's hold on the job that it makes, renewed by a thread of its own while a step takes long."""

import logging
import threading

import sqlalchemy as sa

from mova_core.registry.database.tables import Job
from services.jobs import queue
from services.work_loop import NO_ANSWER

log = logging.getLogger("mova.generator")


class Lease:
    """Keeps a job while it is worked on; `lost` once it is another's, or was deleted."""

    def __init__(self, engine: sa.Engine, job: Job, worker: str, lease_s: float) -> None:
        self.engine, self.job_id, self.worker, self.lease_s = engine, job.job_id, worker, lease_s
        self.lost = threading.Event()
        self._done, self._furthest = threading.Event(), 0
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    def __enter__(self) -> "Lease":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._done.set()
        self._thread.join()

    def renew(self, progress: int | None = None) -> None:
        if progress is not None:  # the steps of a further seed begin at 0 again
            progress = self._furthest = max(self._furthest, progress)
        if not queue.renew(self.engine, self.job_id, self.worker, self.lease_s, progress):
            self.lost.set()

    def _keep(self) -> None:
        while not self._done.wait(self.lease_s / 3):
            try:
                self.renew()
            except NO_ANSWER:
                log.exception("the lease of job %s could not be renewed, trying again", self.job_id)
