"""Which of several evaluations of one phase is the best, by the gates of that phase.

What passes all its gates is before what does not; then counts the margin: the mean over the gates of how far a value
lies on the good side of its limit, as a share of the limit and at most 1 either way, so that no single metric decides
alone. Of two with one margin, the later step is the better.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mova_core.evaluation.gates import Gate, judge
from mova_core.evaluation.measuring.rounding import DIGITS
from mova_core.params import Params
from mova_core.registry.manifests import EvaluationManifest, Metric
from mova_core.training.checkpoints.checkpoint import Checkpoint


@dataclass(frozen=True, slots=True)
class Judged:
    """A checkpoint that was evaluated and judged.

    Args:
        checkpoint_id: which.
        step: of its run.
        clips: that its suite, or the part of it, has.
        metrics: what was measured.
        gates: of its phase.
    """

    checkpoint_id: str
    step: int
    clips: int
    metrics: Mapping[str, Metric]
    gates: Sequence[Gate]

    @property
    def passed(self) -> bool:
        """Whether all gates are."""
        return all(gate.passed for gate in self.gates)

    @property
    def margin(self) -> float:
        """Mean margin to the gates; 0 where there are none."""
        return round(sum(map(margin, self.gates)) / len(self.gates), DIGITS) if self.gates else 0.0


def judged_by_gates(checkpoint: Checkpoint, evaluation: EvaluationManifest, params: Params) -> Judged:
    """Judge one evaluation by the gates of its phase.

    Raises:
        UsageError: a limit is of a metric that cannot be judged (`gates.judge`).
    """
    suite, metrics = evaluation.suite, evaluation.metrics
    gates = judge(evaluation.phase, params.evaluate.footage, params.select, metrics)
    return Judged(evaluation.checkpoint_id, checkpoint.step, suite.clips, metrics, gates)


def margin(gate: Gate) -> float:
    """How far a value is on the good side of its limit, as a share of the limit (of 1 where that is 0), -1 to 1.

    What cannot be judged has -1.
    """
    judged = gate.value if gate.low is None else gate.low
    if judged is None or gate.unavailable is not None:
        return -1.0
    better = judged - gate.limit if gate.better == "higher" else gate.limit - judged
    return round(max(-1.0, min(1.0, better / (abs(gate.limit) or 1.0))), DIGITS)


def ranked(judged: Sequence[Judged]) -> list[Judged]:
    """The best first."""
    return sorted(judged, key=lambda each: (each.passed, each.margin, each.step), reverse=True)
