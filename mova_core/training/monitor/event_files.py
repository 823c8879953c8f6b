"""Event files that TensorBoard reads, in the run's folder: `tensorboard --logdir runs`.

A run that goes on writes a file of its own beside those that are there; what they hold of later steps is passed over by
readers (`purge_step`). Records are whole or not there, so a killed run leaves files that can be read.
"""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from mova_core.places import TENSORBOARD
from mova_core.storage.atomic import room_for
from mova_core.training.curves import SIGMA_BINS
from mova_core.training.monitor.figures import Figures

FLUSH_S = 10


class EventFiles:
    """Opened at the first figures, because the import takes half a second.

    Args:
        run: the run's folder.
        first_step: steps done before; events of later ones are of before a stop.
    """

    def __init__(self, run: Path, first_step: int) -> None:
        self._folder, self._first_step = run / TENSORBOARD, first_step
        self._writer: Any = None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._writer is not None:
            with room_for(self._folder):
                self._writer.close()

    def __enter__(self) -> "EventFiles":
        return self

    def write(self, step: int, figures: Figures, validation: Mapping[int, Mapping[str, float | None]]) -> None:
        """Add figures.

        Args:
            step: how many are done.
            figures: of the last ones.
            validation: losses of the averaged weights by steps done, since the last call.

        Raises:
            DiskFull: no room.
        """
        with room_for(self._folder):
            self._write(step, figures, validation)

    def _write(self, step: int, figures: Figures, validation: Mapping[int, Mapping[str, float | None]]) -> None:
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(self._folder, purge_step=self._first_step + 1, flush_secs=FLUSH_S)
        for measured, losses in validation.items():
            self._add(measured, {f"validation/{name}": loss for name, loss in losses.items()})
        self._add(step, scalars(figures))

    def _add(self, step: int, values: Mapping[str, float | None]) -> None:
        for tag, value in values.items():
            if value is not None:
                self._writer.add_scalar(tag, value, step)


def scalars(figures: Figures) -> dict[str, float | None]:
    """Values by TensorBoard's tags."""
    return {
        "loss/loss": figures.loss,
        **{f"loss/{name}": loss for name, loss in figures.modalities.items()},
        **{
            f"loss_of_{name}_by_sigma/{tenth / SIGMA_BINS:.1f}": loss
            for name, losses in figures.by_sigma.items()
            for tenth, loss in enumerate(losses)
        },
        "step/grad_norm": figures.grad_norm,
        "step/lr": figures.lr,
        "step/skipped": figures.skipped,
        **{f"speed/{name}_tokens_per_s": rate for name, rate in figures.tokens_per_s.items()},
        "speed/mfu": figures.mfu,
        "speed/data_wait": figures.data_wait,
        "speed/step_s": figures.step_s,
        "memory/bytes": figures.memory_bytes,
    }
