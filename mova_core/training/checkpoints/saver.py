"""Saves a run while training goes on: the state is copied, then written by a thread; one checkpoint at a time."""

from concurrent.futures import Future
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from types import TracebackType
from typing import cast

import torch.distributed as dist
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.state_dict_saver import async_save

from mova_core.errors import MovaError
from mova_core.model.pretrained.component import Component
from mova_core.training.checkpoints.checkpoint import CheckpointManifest
from mova_core.training.checkpoints.single_process import single_process_is_meant
from mova_core.training.checkpoints.writer import CheckpointWriter, save_planner
from mova_core.training.strategy.base import Strategy


class CheckpointSaver(AbstractContextManager["CheckpointSaver"]):
    """Writes the checkpoints of one run; every process has one and calls the same methods in the same order.

    Args:
        folder: of the run's checkpoints.
        keep: so many of the newest stay, and the best.
        strategy: holds everything that goes into a checkpoint.
    """

    def __init__(self, folder: Path, keep: int, strategy: Strategy) -> None:
        self._folder, self._keep, self._strategy = folder, keep, strategy
        self._components = {name: cast(Component, part) for name, part in strategy.module.named_children()}
        # Of its own: the thread that writes talks to the other processes while training does.
        self._group = dist.new_group(backend="gloo") if dist.is_initialized() else None
        self._writing: tuple[CheckpointWriter, Future[object]] | None = None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Wait for the checkpoint under way; if the run ends by an error, that one is told."""
        with suppress(*([] if error is None else [Exception])):
            self.wait()

    def save(self, manifest: CheckpointManifest) -> None:
        """Copy the state and begin to write it, once the checkpoint before is written.

        Args:
            manifest: what is to stand in it, but for the files.

        Raises:
            MovaError: the checkpoint before could not be written.
        """
        self.wait()
        single_process_is_meant()
        writer = CheckpointWriter(self._folder, manifest, self._components, self._keep)
        future = async_save(
            self._strategy.state(),
            storage_writer=writer,
            planner=save_planner(),
            process_group=self._group,
            no_dist=self._group is None,
        )
        self._writing = writer, cast("Future[object]", future)

    def check(self) -> None:
        """Without waiting: raise what `wait` would, if it is known by now."""
        if self._writing is not None and self._writing[1].done():
            self.wait()

    def wait(self) -> None:
        """Return when the checkpoint under way is written.

        Raises:
            DiskFull, MovaError: it could not be, on this or another process; those before it stay.
        """
        if self._writing is None:
            return
        (writer, future), self._writing = self._writing, None
        try:
            future.result()
        except CheckpointException as error:
            writer.abandon(error)
            raise _cause(error) from None


def _cause(failed: CheckpointException) -> Exception:
    """The first failure that this project foresees; else what torch says."""
    causes = [cause for cause, _ in failed.failures.values()]
    foreseen = next((cause for cause in causes if isinstance(cause, MovaError)), None)
    return foreseen or MovaError(f"a checkpoint could not be written ({causes[0]!r}): those before it stay")
