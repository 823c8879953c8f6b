"""The worker: takes jobs from the queue one by one and makes their clips.

Between two steps it asks whether the job is still its own.
"""

import logging
import os
import socket
import time

import sqlalchemy as sa

from mova_core.errors import MovaError
from mova_core.registry.database.tables import Job
from mova_core.sampling.sampler import GenerationCancelled
from services.jobs import queue
from services.jobs.failures import failure_code
from services.jobs.inputs import JobInputs
from services.jobs.lease import Lease
from services.jobs.marking import ClipMarker
from services.jobs.previews import drop_preview, keep_preview
from services.jobs.removal import JobRemoval
from services.jobs.render import Progress, Renderer
from services.jobs.results import result_files, result_path, write_variants
from services.jobs.view import find
from services.settings import ServiceSettings
from services.work_loop import NO_ANSWER, WorkLoop

log = logging.getLogger("mova.generator")

CLEAN_EVERY_S = 60.0


class Worker:
    """One thread that works until it is stopped.

    Args:
        engine: the registry.
        renderer: with the model.
        inputs: the files that jobs are made from.
        settings: where clips go, and how long a lease is.
        bento: tag of the Bento it is served from, None outside one.
        marker: marks the clips; None: they stay unmarked.
    """

    def __init__(
        self,
        engine: sa.Engine,
        renderer: Renderer,
        inputs: JobInputs,
        settings: ServiceSettings,
        bento: str | None = None,
        marker: ClipMarker | None = None,
    ) -> None:
        self.engine, self.renderer, self.settings, self.bento = engine, renderer, settings, bento
        self.marker = marker
        self.removal = JobRemoval(engine, inputs, settings)
        self._clean_at = 0.0
        self.name = f"{socket.gethostname()}/{os.getpid()}/{os.urandom(4).hex()}"
        self._loop = WorkLoop("generator", self._work, settings.params.poll_s, log)
        self._stop = self._loop.stopping

    def start(self) -> None:
        """Begin to work."""
        self._loop.start()

    def stop(self) -> None:
        """Stop after the present step; the job in work goes back into the queue."""
        self._loop.stop()

    @property
    def is_alive(self) -> bool:
        """Whether it works."""
        return self._loop.is_alive

    def work_once(self) -> bool:
        """Do the next job, if there is one; returns whether there was."""
        job = queue.claim(self.engine, self.name, self.settings.params.lease_s)
        if job is None:
            return False
        lease = Lease(self.engine, job, self.name, self.settings.params.lease_s)
        try:
            with lease:
                self._make(job, lease)
        except GenerationCancelled:
            if not lease.lost.is_set():  # this service shuts down
                queue.release(self.engine, job.job_id, self.name)
        except NO_ANSWER:
            raise  # the job is not at fault: once its lease is past it is claimed again
        except Exception as error:  # a worker's edge: one job must not end the queue
            log.warning("job %s failed", job.job_id, exc_info=None if isinstance(error, MovaError) else error)
            queue.fail(self.engine, job.job_id, self.name, failure_code(error), _text_of(error))
        drop_preview(self.engine, job.job_id)
        return True

    def _work(self) -> bool:
        self._clean_up()
        return self.work_once()

    def _make(self, job: Job, lease: Lease) -> None:
        relative = result_path(job.job_id)
        path = self.settings.root / relative
        progress = Progress(
            cancelled=lambda: self._stop.is_set() or lease.lost.is_set(),
            on_step=lambda share: lease.renew(int(99 * share)),  # 100 is the finished file
            on_preview=lambda share, jpeg: keep_preview(self.engine, job.job_id, int(99 * share), jpeg),
        )
        rendered = self.renderer.render(job.request, path, progress)
        rate_hz = self.renderer.settings_of(job.request).clip_geometry.audio_rate_hz
        sha256 = rendered.sha256 if self.marker is None else self.marker.mark(path, job.request)
        write_variants(path, rendered.video, rendered.audio, rate_hz)
        kept = queue.complete(
            self.engine,
            job.job_id,
            self.name,
            result_path=relative,
            result_sha256=sha256,
            outcome=rendered.outcome,
            checkpoint_id=self.renderer.checkpoint_id,
            bento=self.bento,
        )
        if not kept:
            self._leave_nothing(job.job_id)

    def _leave_nothing(self, job_id: str) -> None:
        """Remove the files of a clip that was deleted or cancelled while its last bytes were written."""
        job = find(self.engine, job_id)
        if job is None or job.status == "cancelled":
            for path in result_files(self.settings, job_id):
                path.unlink(missing_ok=True)

    def _clean_up(self) -> None:
        """Remove what was kept long enough, now and then."""
        if time.monotonic() >= self._clean_at:
            try:
                self.removal.remove_expired()
                self.removal.remove_orphans()
            except MovaError:  # a store that does not answer keeps no clip from being made
                log.exception("what was kept long enough could not be removed, trying again later")
            self._clean_at = time.monotonic() + CLEAN_EVERY_S


def _text_of(error: Exception) -> str:
    """What the job's row says: of what was foreseen its sentence, of all else also what it is."""
    return str(error) if isinstance(error, MovaError) else f"{type(error).__name__}: {error}"
