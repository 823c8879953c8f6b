"""What a training shows of itself: losses, gradient norm, speed, MFU, waiting and memory, over some of its steps.

MFU counts the model's own operations, not those that checkpointing repeats (PaLM, arXiv:2204.02311, appendix B), by the
same function as `mova plan`. What cannot be known is None, never 0. Light: it imports no torch.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mova_core.training.curves import SIGMA_BINS, learned
from mova_core.training.plan.workload import AUDIO, HIGH_NOISE, Workload

TOWER_OF = {"video": HIGH_NOISE, "audio": AUDIO}  # modality -> the tower that has its tokens
Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Figures:
    """Means over some steps.

    Args:
        loss: what is minimised; like all losses over the steps that moved the weights, None where none did.
        modalities: loss of each.
        by_sigma: of each, the loss of every tenth of sigma; None where no sample fell.
        grad_norm: before it is clipped.
        lr: of the towers, at the last of the steps.
        skipped: how many steps moved nothing.
        step_s: seconds a step.
        tokens_per_s: of each modality, all processes together.
        mfu: share that the model's FLOPs are of the devices' peak; None where that is not known.
        data_wait: share of the time in which a micro-batch of this process waited for its clips.
        memory_bytes: the most that this process held so far, on its GPU or else on the processor.
        left_s: seconds to the last step at this speed.
    """

    loss: float | None
    modalities: Mapping[str, float | None]
    by_sigma: Mapping[str, Sequence[float | None]]
    grad_norm: float | None
    lr: float
    skipped: int
    step_s: float
    tokens_per_s: Mapping[str, float]
    mfu: float | None
    data_wait: float
    memory_bytes: int
    left_s: float


class Meter:
    """Measures from one call to the next.

    Args:
        work: what the phase computes in a step.
        steps: of the phase.
        peak_flops: of all devices together, a second; asked for once, when it is first needed.
        waited_s: seconds so far in which a micro-batch waited for its clips.
        memory_bytes: the most held so far.
        clock: in seconds.
    """

    def __init__(
        self,
        work: Workload,
        steps: int,
        peak_flops: Callable[[], float | None],
        waited_s: Callable[[], float],
        memory_bytes: Callable[[], int],
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._work, self._steps = work, steps
        self._peak_flops, self._waited_s, self._memory_bytes, self._clock = peak_flops, waited_s, memory_bytes, clock
        self._peak: float | None = None
        self._begin()

    def _begin(self) -> None:
        self._begun, self._waited = self._clock(), self._waited_s()

    def figures(self, records: Sequence[Record], timed: int) -> Figures:
        """Of the steps since the last call.

        Args:
            records: of the curves, at least one; where a run goes on, some may be of before.
            timed: how many of the steps were made since the last call.
        """
        seconds, waited = self._clock() - self._begun, self._waited_s() - self._waited
        clips_per_s = self._work.batch * timed / seconds
        found = Figures(
            **_losses(records),
            lr=records[-1]["lr"],
            skipped=len(records) - len(learned(records)),
            step_s=seconds / timed,
            tokens_per_s={
                name: clips_per_s * self._work.towers[tower]
                for name, tower in TOWER_OF.items()
                if tower in self._work.towers
            },
            mfu=self._mfu(clips_per_s),
            data_wait=waited / seconds,
            memory_bytes=self._memory_bytes(),
            left_s=(self._steps - 1 - records[-1]["step"]) * seconds / timed,
        )
        self._begin()
        return found

    def _mfu(self, clips_per_s: float) -> float | None:
        if self._peak is None:
            self._peak = self._peak_flops()
        cost = self._work.step
        return None if self._peak is None else clips_per_s * (cost.forward + cost.backward) / self._peak


def _losses(records: Sequence[Record]) -> dict[str, Any]:
    moved = learned(records)
    names = [name for name in TOWER_OF if name in records[-1]]
    bins = {name: [record[f"{name}_bins"] for record in moved] or [[None] * SIGMA_BINS] for name in names}
    return {
        "loss": _mean([record["loss"] for record in moved]),
        "modalities": {name: _mean([record[name] for record in moved]) for name in names},
        "by_sigma": {name: [_mean(tenth) for tenth in zip(*rows, strict=True)] for name, rows in bins.items()},
        "grad_norm": _mean([record["grad_norm"] for record in moved]),
    }


def _mean(values: Sequence[float | None]) -> float | None:
    """Of those that are there."""
    there = [value for value in values if value is not None]
    return sum(there) / len(there) if there else None
