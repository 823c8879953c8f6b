"""The worker: takes jobs from the queue one by one and makes their clips with `ClipGenerator`.

A clip is the same bytes as the generator and `write_generated` give anywhere for the same request and weights. Between
two steps the worker asks whether the job is still its own; a thread keeps the lease while a step takes long.
"""

import base64
import hashlib
import logging
import os
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from mova_core.errors import MovaError, UsageError
from mova_core.media.image import read_image
from mova_core.media.provenance import LoraUsed, Provenance, Try
from mova_core.registry.database.tables import Job
from mova_core.sampling.clip_generator import ClipGenerator
from mova_core.sampling.collapse.reseed import generate_guarded, told
from mova_core.sampling.inputs import ClipInputs
from mova_core.sampling.request.recipe import recipe_of
from mova_core.sampling.sampler import GenerationCancelled, Watcher
from mova_core.sampling.written_clip import loudness_warning, write_generated
from mova_core.storage.hashing import sha256_file
from services import jobs
from services.settings import ServiceSettings

if TYPE_CHECKING:
    from mova_core.model.lora.loaded import LoadedAdapters

log = logging.getLogger("mova.generator")

DATABASE_PAUSE_S = 2.0  # after an error of the database, before it is asked again


@dataclass(frozen=True, slots=True)
class Rendered:
    """A clip's file.

    Args:
        sha256: of its bytes.
        tries: seeds that were tried; none where its own did well.
        warnings: what to tell of it.
    """

    sha256: str
    tries: tuple[Try, ...]
    warnings: tuple[str, ...]

    @property
    def outcome(self) -> dict[str, Any]:
        """As the job keeps it."""
        return {"tries": [asdict(tried) for tried in self.tries], "warnings": list(self.warnings)}


def render(
    generator: ClipGenerator,
    request: Mapping[str, Any],
    checkpoint_id: str,
    path: Path,
    cancelled: Callable[[], bool] = lambda: False,
    on_step: Callable[[int], object] = lambda done: None,
    adapters: "LoadedAdapters | None" = None,
) -> Rendered:
    """Make one clip's file.

    Args:
        generator: the model.
        request: as `RequestChecker.check` gives it.
        checkpoint_id: the model's, for the provenance.
        path: where to; whole or not there.
        cancelled: asked before each step.
        on_step: told after each step how many are done.
        adapters: loaded beside the model; those that the request asks for come into force.

    Raises:
        GenerationCancelled: `cancelled` said so.
        MovaError: it cannot be made.
    """
    loras = _in_force(adapters, request.get("loras", {}))
    image = None if request["image"] is None else base64.b64decode(request["image"])
    given = {} if image is None else {"image": hashlib.sha256(image).hexdigest()}
    inputs = ClipInputs(request["prompt"], request["seed"], None if image is None else read_image(image))
    # An answer is video/mp4, whatever codec the model's folder names for files of its own.
    settings = generator.defaults.changed(**request["changes"], codec="h264")
    negative_prompt = request["negative_prompt"]
    output = generate_guarded(
        generator, [inputs], settings, negative_prompt=negative_prompt, watcher=Watcher(cancelled, on_step)
    )
    (tries,) = output.tries
    recipe = recipe_of(inputs, given, negative_prompt, settings, generator.computed_on)
    provenance = Provenance(checkpoint_id, loras, recipe, tries)
    loudness = write_generated(path, output.video, output.audio, output.geometry, settings, provenance)
    warnings = tuple(filter(None, [told(tries), loudness_warning("the clip", loudness, settings)]))
    return Rendered(sha256_file(path), tries, warnings)


def _in_force(adapters: "LoadedAdapters | None", weights: Mapping[str, float]) -> tuple[LoraUsed, ...]:
    """Bring the adapters of a request into force, and no others."""
    if adapters is None:
        if weights:
            raise UsageError(f"adapter {next(iter(weights))} is no longer offered here: send the request again")
        return ()
    adapters.set(weights)
    return tuple(LoraUsed(adapter_id, weight) for adapter_id, weight in adapters.used.items())


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
        job = jobs.claim(self.engine, self.name, self.settings.params.lease_s)
        if job is None:
            return False
        lease = _Lease(self.engine, job, self.name, self.settings.params.lease_s)
        try:
            with lease:
                self._make(job, lease)
        except GenerationCancelled:
            if not lease.lost.is_set():  # this service shuts down
                jobs.release(self.engine, job.job_id, self.name)
        except MovaError as error:
            jobs.fail(self.engine, job.job_id, self.name, str(error))
        except sa.exc.DBAPIError:
            raise  # the job is not at fault: once its lease is past it is claimed again
        except Exception as error:  # a worker's edge: one job must not end the queue
            log.exception("job %s", job.job_id)
            jobs.fail(self.engine, job.job_id, self.name, f"unexpected {type(error).__name__}: see the service's log")
        return True

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                if not self.work_once():
                    self._stop.wait(self.settings.params.poll_s)
            except sa.exc.DBAPIError:
                log.exception("the registry does not answer, asking again")
                self._stop.wait(DATABASE_PAUSE_S)

    def _make(self, job: Job, lease: "_Lease") -> None:
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
        kept = jobs.complete(
            self.engine,
            job.job_id,
            self.name,
            result_path=relative,
            result_sha256=rendered.sha256,
            outcome=rendered.outcome,
            checkpoint_id=self.checkpoint_id,
            bento=self.bento,
        )
        if not kept and jobs.find(self.engine, job.job_id) is None:  # deleted meanwhile
            path.unlink(missing_ok=True)


class _Lease:
    """Keeps a job while it is worked on; `lost` once it is another's, or was deleted."""

    def __init__(self, engine: sa.Engine, job: Job, worker: str, lease_s: float) -> None:
        self.engine, self.job_id, self.worker, self.lease_s = engine, job.job_id, worker, lease_s
        self.lost = threading.Event()
        self._done, self._furthest = threading.Event(), 0
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    def __enter__(self) -> "_Lease":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._done.set()
        self._thread.join()

    def renew(self, progress: int | None = None) -> None:
        if progress is not None:  # the steps of a further seed begin at 0 again
            progress = self._furthest = max(self._furthest, progress)
        if not jobs.renew(self.engine, self.job_id, self.worker, self.lease_s, progress):
            self.lost.set()

    def _keep(self) -> None:
        while not self._done.wait(self.lease_s / 3):
            try:
                self.renew()
            except sa.exc.DBAPIError:
                log.exception("the lease of job %s could not be renewed, trying again", self.job_id)
