"""Steps that would harm the weights: not finite, or far beyond what the steps before showed. They are skipped.

A loss or a gradient norm is a spike when it is above `spike_factor` times a high quantile of the last `window` steps.
What counts are the values as the curves hold them, so a run that goes on from a checkpoint decides as one that never
stopped. Every process sees the same values of the whole batch, and so decides alike.
"""

import math
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from mova_core.errors import MovaError
from mova_core.params.model import HealthParams
from mova_core.training.curves import rounded

WATCHED = {"loss": "loss", "grad_norm": "gradient norm"}
QUANTILE = 0.98
LEAST_STEPS = 20  # before so many nothing is a spike: early gradients fall fast


class Health:
    """Watches one run.

    Args:
        params: limits.
        phase: named in an error.
        records: of the curves so far.
    """

    def __init__(self, params: HealthParams, phase: str, records: Iterable[Mapping[str, Any]] = ()) -> None:
        self._params, self._phase = params, phase
        self._recent: deque[Mapping[str, Any]] = deque(maxlen=params.window)
        self._recent.extend(records)

    def fault(self, loss: float, grad_norm: float) -> str | None:
        """Why a step must not move the weights; None for a healthy one."""
        values = {"loss": loss, "grad_norm": grad_norm}
        for name, label in WATCHED.items():
            if not math.isfinite(values[name]):
                return f"{label} is {values[name]}"
            before = sorted(record[name] for record in self._recent if "skipped" not in record)
            if len(before) < LEAST_STEPS:
                continue
            limit = self._params.spike_factor * before[round(QUANTILE * (len(before) - 1))]
            if rounded(values[name]) > limit:
                return f"{label} is {values[name]:.4g}, above {limit:.4g}"
        return None

    def note(self, record: Mapping[str, Any]) -> None:
        """Take in the record of a step.

        Raises:
            MovaError: too many of the last steps were skipped.
        """
        self._recent.append(record)
        skipped = [each for each in self._recent if "skipped" in each]
        if len(skipped) > self._params.most_skipped:
            steps = ", ".join(str(each["step"]) for each in skipped)
            raise MovaError(
                f"{len(skipped)} of the last {len(self._recent)} steps of {self._phase} were skipped (steps {steps}; "
                f"the last: {record['skipped']}), at most {self._params.most_skipped} may be: the weights are those "
                "of the steps before; lower train.optimizer.lr, or look at the latents"
            )
