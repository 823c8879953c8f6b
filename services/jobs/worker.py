"""The worker: takes jobs from the queue one by one and makes their clips.

Between two steps it asks whether the job is still its own.
"""

import logging
import os
import socket
import threading
from typing import TYPE_CHECKING

import sqlalchemy as sa

from mova_core.errors import MovaError
from mova_core.registry.database.tables import Job
from mova_core.sampling.clip_generator import ClipGenerator
from mova_core.sampling.sampler import GenerationCancelled
from services.jobs import queue
from services.jobs.lease import Lease
from services.jobs.render import render
from services.settings import ServiceSettings

if TYPE_CHECKING:
    from mova_core.model.lora.loaded import LoadedAdapters

log = logging.getLogger("mova.generator")

DATABASE_PAUSE_S = 2.0  # after an error of the database, before it is asked again


class Worker:
    """One thread that works until it is stopped.

    Args:
        engine: the registry.
        generator: the model.
        settings: where clips go, and how long a lease is.
        checkpoint_id: the model's.
        bento: tag of the Bento it is served from, None outside one.
        adapters: loaded beside the model, for requests to ask for.
    """

    def __init__(
        self,
        engine: sa.Engine,
        generator: ClipGenerator,
        settings: ServiceSettings,
        checkpoint_id: str,
        bento: str | None = None,
        adapters: "LoadedAdapters | None" = None,
    ) -> None:
        self.engine, self.generator, self.settings = engine, generator, settings
        self.checkpoint_id, self.bento, self.adapters = checkpoint_id, bento, adapters
        self.name = f"{socket.gethostname()}/{os.getpid()}/{os.urandom(4).hex()}"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="generator", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the present step; the job in work goes back into the queue."""
        self._stop.set()
        self._thread.join()

    @property
    def is_alive(self) -> bool:
        """Whether it works."""
        return self._thread.is_alive()

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
        except MovaError as error:
            queue.fail(self.engine, job.job_id, self.name, str(error))
        except sa.exc.DBAPIError:
            raise  # the job is not at fault: once its lease is past it is claimed again
        except Exception as error:  # a worker's edge: one job must not end the queue
            log.exception("job %s", job.job_id)
            queue.fail(self.engine, job.job_id, self.name, f"unexpected {type(error).__name__}: see the service's log")
        return True

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                if not self.work_once():
                    self._stop.wait(self.settings.params.poll_s)
            except sa.exc.DBAPIError:
                log.exception("the registry does not answer, asking again")
                self._stop.wait(DATABASE_PAUSE_S)

    def _make(self, job: Job, lease: Lease) -> None:
        steps = self.generator.defaults.changed(**job.request["changes"]).steps
        relative = self.settings.clip_path(job.job_id)
        path = self.settings.root / relative
        rendered = render(
            self.generator,
            job.request,
            self.checkpoint_id,
            path,
            cancelled=lambda: self._stop.is_set() or lease.lost.is_set(),
            on_step=lambda done: lease.renew(99 * done // steps),  # 100 is the finished file
            adapters=self.adapters,
        )
        kept = queue.complete(
            self.engine,
            job.job_id,
            self.name,
            result_path=relative,
            result_sha256=rendered.sha256,
            outcome=rendered.outcome,
            checkpoint_id=self.checkpoint_id,
            bento=self.bento,
        )
        if not kept and queue.find(self.engine, job.job_id) is None:  # deleted meanwhile
            path.unlink(missing_ok=True)
