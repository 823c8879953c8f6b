"""The gates of each phase: an absolute limit on a metric.

A metric that is unavailable, be it in one clip alone, fails its gate.

Limits are params (section `select`); which metrics may be judged stands in the catalogue. Only sync gates tell a model
whose video and audio depend on each other from one that learned each alone: classes and loss cannot.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mova_core.errors import UsageError
from mova_core.evaluation.catalogue import CATALOGUE
from mova_core.evaluation.measuring.metric import GateKind
from mova_core.params.evaluation import SelectParams
from mova_core.registry.manifests import Metric

AT_LEAST, AT_MOST = "_at_least", "_at_most"


@dataclass(frozen=True, slots=True)
class Gate:
    """One judged metric.

    Args:
        name: of the metric.
        value: as measured; None = unavailable.
        limit: at least or at most this, by `better`.
        better: `higher` or `lower`.
        passed: the verdict.
        unavailable: why there is no value, or only that of some of the clips.
    """

    name: str
    value: float | None
    limit: float
    better: str
    passed: bool
    unavailable: str | None = None

    @property
    def asked(self) -> str:
        """The limit as it is written: `≥ 0.9`."""
        return f"{'≥' if self.better == 'higher' else '≤'} {self.limit:g}"

    def described(self) -> dict[str, Any]:
        """As it stands in selection.json."""
        return asdict(self)


def judge(phase: str, synthetic: bool, params: SelectParams, metrics: Mapping[str, Metric]) -> list[Gate]:
    """The gates of a phase, in the order of their params.

    Args:
        phase: its name.
        synthetic: whether the footage is synthetic, so that classes and events are known.
        params: the limits.
        metrics: what was measured.

    Raises:
        UsageError: a limit is of a metric that the catalogue does not have, not in that direction, or not for this
            section.
    """
    section, kind = getattr(params, phase), GateKind.AUDIO if phase == "audio" else GateKind.JOINT
    if not synthetic:
        section, kind = params.other_footage, GateKind.OTHER_FOOTAGE
    asked = {key: limit for key, limit in section.model_dump().items() if limit is not None}
    return [_gate(key, float(limit), kind, metrics) for key, limit in asked.items()]


def table(gates: Sequence[Gate]) -> str:
    """The gates as lines for a person."""
    lines = []
    for gate in gates:
        value = "unavailable" if gate.value is None else f"{gate.value:.3f}"
        reason = f"   {gate.unavailable}" if gate.unavailable else ""
        lines.append(f"  {'passed' if gate.passed else 'FAILED':<7} {gate.name:<22} {value:>11} {gate.asked}{reason}")
    return "\n".join(lines)


def in_a_line(gates: Sequence[Gate]) -> str:
    """Gates that all passed, in a few words."""
    return " · ".join(f"{gate.name} {gate.value:.3f} {gate.asked}" for gate in gates)


def _gate(key: str, limit: float, kind: GateKind, metrics: Mapping[str, Metric]) -> Gate:
    higher = key.endswith(AT_LEAST)
    name = key.removesuffix(AT_LEAST if higher else AT_MOST)
    spec = CATALOGUE.get(name)
    if spec is None or kind not in spec.gates or (spec.better == "higher") != higher:
        possible = [_limit_of(other.name) for other in CATALOGUE.values() if kind in other.gates]
        raise UsageError(f"select.{kind}: {key} is no limit of a metric; possible are {', '.join(possible)}")
    metric = metrics.get(name)
    value = metric.value if metric else None
    reason = _unmeasured(metric)
    passed = value is not None and reason is None and (value >= limit if higher else value <= limit)
    return Gate(name, value, limit, "higher" if higher else "lower", passed, reason)


def _unmeasured(metric: Metric | None) -> str | None:
    """Why a metric cannot be judged: it has no value, or only that of some of the clips."""
    if metric is None or metric.value is None:
        return (metric.unavailable if metric else None) or "it was not measured"
    if metric.clips == metric.of:
        return None
    return f"measured in {metric.clips} of {metric.of} clips: {'; '.join(metric.missing)}"


def _limit_of(name: str) -> str:
    """The key of its limit in params."""
    return name + (AT_LEAST if CATALOGUE[name].better == "higher" else AT_MOST)
