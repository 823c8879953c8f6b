"""The gates of each phase: an absolute limit on a metric, or on the whole of its interval.

    NAME_at_least, NAME_at_most     the value
    NAME_interval_above             the low end of the 95 % interval: chance alone does not explain the value
A metric that is unavailable, be it in one clip alone, fails its gate, and so does one without an interval where that is
judged.

Limits are params (section `select`), and `evaluate.footage` says by which of them a phase is judged, never the footage
itself: one clip too many would change what is asked. Which metrics may be judged stands in the catalogue. Only sync
gates tell a model whose video and audio depend on each other from one that learned each alone: classes and loss cannot.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mova_core.errors import UsageError
from mova_core.evaluation.catalogue import CATALOGUE
from mova_core.evaluation.measuring.metric import GateKind, MetricSpec, Need
from mova_core.params import PHASE_NAMES
from mova_core.params.evaluation import Footage, SelectParams
from mova_core.registry.manifests import Metric

AT_LEAST, AT_MOST, INTERVAL_ABOVE = "_at_least", "_at_most", "_interval_above"
SIGNS = {AT_LEAST: "≥", AT_MOST: "≤", INTERVAL_ABOVE: "interval >"}


@dataclass(frozen=True, slots=True)
class Gate:
    """One judged metric.

    Args:
        name: of the metric.
        value: as measured; None = unavailable.
        limit: what it is compared with.
        better: `higher` or `lower`.
        passed: the verdict.
        sign: how it is compared, one of `SIGNS`.
        low: low end of its interval, where that is compared.
        unavailable: why there is no value, or only that of some of the clips.
    """

    name: str
    value: float | None
    limit: float
    better: str
    passed: bool
    sign: str
    low: float | None = None
    unavailable: str | None = None

    @property
    def asked(self) -> str:
        """The limit as it is written: `≥ 0.9`, `interval > 0`."""
        return f"{self.sign} {self.limit:g}"

    @property
    def measured(self) -> str:
        """What is compared with it: the value, with the low end of the interval where that is judged."""
        if self.value is None:
            return "unavailable"
        return f"{self.value:.3f}" if self.low is None else f"{self.value:.3f} (from {self.low:.3f})"

    def described(self) -> dict[str, Any]:
        """As it stands in selection.json."""
        return asdict(self)


def judge(phase: str, footage: Footage, params: SelectParams, metrics: Mapping[str, Metric]) -> list[Gate]:
    """The gates of a phase, in the order of their params.

    Args:
        phase: its name.
        footage: `evaluate.footage` of the params: of synthetic footage classes and events are known.
        params: the limits.
        metrics: what was measured.

    Raises:
        UsageError: a limit is of a metric that the catalogue does not have, not in that direction, or not for this
            section.
    """
    section, kind = getattr(params, phase), GateKind.AUDIO if phase == "audio" else GateKind.JOINT
    if footage == "other":
        section, kind = params.other_footage, GateKind.OTHER_FOOTAGE
    limits = section.model_dump()
    if footage == "other" and phase == PHASE_NAMES[-1]:
        limits |= params.other_footage_phase3.model_dump()
    asked = [(key, float(limit)) for key, limit in limits.items() if limit is not None]
    gates = [_gate(key, limit, kind, metrics) for key, limit in asked]
    # One section of other footage serves all phases; phase audio has no video to judge.
    return [gate for gate in gates if phase != "audio" or Need.VIDEO not in CATALOGUE[gate.name].needs]


def table(gates: Sequence[Gate]) -> str:
    """The gates as lines for a person."""
    lines = []
    for gate in gates:
        reason = f"   {gate.unavailable}" if gate.unavailable else ""
        verdict = "passed" if gate.passed else "FAILED"
        lines.append(f"  {verdict:<7} {gate.name:<26} {gate.measured:>20} {gate.asked}{reason}")
    return "\n".join(lines)


def in_a_line(gates: Sequence[Gate]) -> str:
    """Gates that all passed, in a few words."""
    return " · ".join(f"{gate.name} {gate.measured} {gate.asked}" for gate in gates)


def _gate(key: str, limit: float, kind: GateKind, metrics: Mapping[str, Metric]) -> Gate:
    suffix = next((suffix for suffix in SIGNS if key.endswith(suffix)), AT_LEAST)
    name = key.removesuffix(suffix)
    spec = CATALOGUE.get(name)
    if spec is None or kind not in spec.gates or suffix not in _suffixes(spec):
        possible = [spec.name + each for spec in CATALOGUE.values() if kind in spec.gates for each in _suffixes(spec)]
        raise UsageError(f"select.{kind}: {key} is no limit of a metric; possible are {', '.join(possible)}")
    metric = metrics.get(name)
    value, low = (metric.value, metric.low) if metric else (None, None)
    reason = _unmeasured(metric)
    if suffix == INTERVAL_ABOVE:
        reason = reason or ("it has no interval" if low is None else None)
        passed = reason is None and low is not None and low > limit
        return Gate(name, value, limit, spec.better, passed, SIGNS[suffix], low, reason)
    passed = value is not None and reason is None and (value <= limit if suffix == AT_MOST else value >= limit)
    return Gate(name, value, limit, spec.better, passed, SIGNS[suffix], unavailable=reason)


def _unmeasured(metric: Metric | None) -> str | None:
    """Why a metric cannot be judged: it has no value, or only that of some of the clips."""
    if metric is None or metric.value is None:
        return (metric.unavailable if metric else None) or "it was not measured"
    if metric.clips == metric.of:
        return None
    return f"measured in {metric.clips} of {metric.of} clips: {'; '.join(metric.missing)}"


def _suffixes(spec: MetricSpec) -> tuple[str, ...]:
    """What its limits in params may be called."""
    return (AT_LEAST, INTERVAL_ABOVE) if spec.better == "higher" else (AT_MOST,)
