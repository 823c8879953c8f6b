"""Finished checkpoints go into a bucket while training goes on, and the last one comes back on another machine.

A thread looks for finished checkpoints and uploads the newest that is not in the store; no step waits for it. What
cannot be uploaded costs a warning, and is tried again with the next checkpoint and when training ends. A killed upload
leaves blobs, which the next one finds, and no manifest.
"""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from threading import Event, Thread
from types import TracebackType

from mova_core.errors import MovaError, StaleError
from mova_core.params import Params, PhaseName
from mova_core.places import CHECKPOINTS
from mova_core.storage.artifact_store.base import ArtifactStore
from mova_core.storage.artifact_store.open import open_artifact_store
from mova_core.storage.object_store.base import is_bucket
from mova_core.training.checkpoints.checkpoint import NAME, Checkpoint, is_checkpoint
from mova_core.training.checkpoints.retention import is_on_this_machine, place_aside
from mova_core.training.checkpoints.stored import bring_back, put_checkpoint
from mova_core.training.processes import rank

LOOK_EVERY_S = 1.0


def uploads(run: Path, phase: PhaseName, fingerprint: str, params: Params) -> AbstractContextManager[object]:
    """What to train in: where the artifact store is a bucket, checkpoints go there, and before that the last one comes
    from there if this machine has none of the run. Of several processes only the first does it.

    Args:
        run: the run's folder.
        phase: of training.
        fingerprint: of the run.
        params: of the project.

    Raises:
        StaleError: a checkpoint here without a readable manifest.
    """
    where = params.registry.store
    if where is None or not is_bucket(where) or rank() != 0:
        return nullcontext()
    store = open_artifact_store(where, Path(), params.registry.encryption)
    if not is_on_this_machine(run, fingerprint):
        _bring(store, phase, fingerprint, place_aside(run, fingerprint))
    return Uploads(store, run, fingerprint)


def _bring(store: ArtifactStore, phase: PhaseName, fingerprint: str, folder: Path) -> None:
    """Put the last checkpoint where an earlier run lies that was put aside: training takes it up from there."""
    try:
        stored = bring_back(store, phase, fingerprint, folder)
    except MovaError as error:
        print(f"warning: no checkpoint of {phase} could be brought from the store ({error})", file=sys.stderr)
        return
    if stored is not None:
        print(f"{phase} goes on from step {stored.step}, which {store.address} holds", file=sys.stderr)


class Uploads(AbstractContextManager["Uploads"]):
    """Uploads the checkpoints of one run in a thread.

    Args:
        store: where to.
        run: the run's folder.
        fingerprint: of the run; checkpoints of an earlier one in its place are passed over.
    """

    def __init__(self, store: ArtifactStore, run: Path, fingerprint: str) -> None:
        self._store, self._run, self._fingerprint = store, run, fingerprint
        self._ending = Event()
        self._tried: int | None = None  # step of the newest that was
        self._thread = Thread(target=self._watch, name="checkpoint uploads", daemon=True)

    def __enter__(self) -> "Uploads":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Upload all that stay, unless training failed: then the next call does."""
        self._ending.set()
        if error is not None:
            return
        self._thread.join()
        for checkpoint in self._kept():
            if not self._put(checkpoint, "train again to upload it"):
                return

    def _watch(self) -> None:
        while not self._ending.wait(LOOK_EVERY_S):
            newest = max(self._kept(), key=lambda each: each.step, default=None)
            if newest is not None and newest.step != self._tried:
                self._tried = newest.step
                self._put(newest, "it is tried again later", self._ending)

    def _put(self, checkpoint: Checkpoint, what_then: str, ending: Event | None = None) -> bool:
        """Whether a checkpoint is in the store, or need not be; a fault is a warning."""
        try:
            put_checkpoint(self._store, self._run, checkpoint, lambda: ending is None or not ending.is_set())
        except Exception as error:  # whatever it is, training goes on
            if not checkpoint.folder.is_dir():
                return True  # a newer one has taken its place
            print(f"warning: {checkpoint.folder} was not uploaded ({error}): {what_then}", file=sys.stderr)
            return False
        return True

    def _kept(self) -> list[Checkpoint]:
        return sorted(self._found(), key=lambda each: each.step)

    def _found(self) -> Iterator[Checkpoint]:
        """Checkpoints that are there; unlike `finished`, nothing is removed beside the one being written."""
        for folder in (self._run / CHECKPOINTS).glob("*"):
            with suppress(StaleError):  # removed meanwhile, or damaged: training tells that
                if NAME.fullmatch(folder.name) and is_checkpoint(folder):
                    checkpoint = Checkpoint.read(folder)
                    if checkpoint.fingerprint == self._fingerprint:
                        yield checkpoint
