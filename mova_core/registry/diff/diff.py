"""What differs between two checkpoints: params, code, data and metrics."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from mova_core.registry.diff.facts import COUNTED, Code, Data, Param, Version, code_of, data_of, differing_params
from mova_core.registry.diff.metrics import Estimate, MetricPair, Metrics, metrics_of
from mova_core.registry.lineage.origins import origins
from mova_core.registry.references import find_checkpoint
from mova_core.registry.text_table import aligned

SHOWN_DIGITS = 12  # of a hash


@dataclass(frozen=True, slots=True)
class Diff:
    """Two checkpoints side by side.

    Args:
        a: id of the first.
        b: id of the second.
        params: those that differ.
        code: of each phase.
        data: by name of table.
        metrics: of the same suite where there is one.
    """

    a: str
    b: str
    params: list[Param]
    code: list[Code]
    data: list[Data]
    metrics: Metrics

    def summary(self) -> dict[str, Any]:
        """For `--json`, with a `text` for people."""
        return asdict(self) | {"text": "\n\n".join(_sections(self))}


def diff(session: Session, a: str, b: str, root: Path = Path()) -> Diff:
    """Compare two checkpoints as the registry knows them; no weights are read.

    Args:
        session: any session of the registry.
        a: alias, id or model folder.
        b: another one.
        root: the project's folder.

    Raises:
        UsageError: one of them names nothing.
    """
    first, second = find_checkpoint(session, a, root), find_checkpoint(session, b, root)
    ours, theirs = origins(session, first), origins(session, second)
    return Diff(
        first.checkpoint_id,
        second.checkpoint_id,
        differing_params(ours, theirs),
        code_of(ours, theirs),
        data_of(ours, theirs),
        metrics_of(session, first, second),
    )


def _sections(diff: Diff) -> Iterator[str]:
    yield f"a {diff.a}\nb {diff.b}"
    params = [{"param": one.name, "a": _shown(one.a), "b": _shown(one.b)} for one in diff.params]
    in_common = any(one.a is not None and one.b is not None for one in diff.code)
    alike = "params: no difference" if in_common else "params: no run of the same phase is recorded of both"
    yield f"params\n{aligned(params)}" if params else alike
    code = [{"phase": one.phase, "a": _hash(one.a), "b": _hash(one.b)} for one in diff.code if not one.same]
    alike = "code: no difference" if diff.code else "code: no run is recorded"
    yield f"code\n{aligned(code)}" if code else alike
    shown = [one for one in diff.data if not one.same or one.name in COUNTED]
    data = [{"data": one.name, "a": _versions(one.a), "b": _versions(one.b), "": _same(one)} for one in shown]
    yield f"data\n{aligned(data)}" if data else "data: none is recorded"
    yield _metrics(diff.metrics)


def _metrics(metrics: Metrics) -> str:
    if metrics.suite_a is None or metrics.suite_b is None:
        lacking = " and ".join(
            name for name, suite in (("a", metrics.suite_a), ("b", metrics.suite_b)) if suite is None
        )
        heading = f"metrics ({lacking} was not evaluated)"
    else:
        suites = [f"{suite['name']} {suite['sha256'][:8]}" for suite in (metrics.suite_a, metrics.suite_b)]
        heading = f"metrics (suite {suites[0]}, 95 % intervals)"
        if not metrics.same_suite:
            heading = (
                f"metrics (a on suite {suites[0]}, b on {suites[1]}: values of other suites or seeds do not compare)"
            )
    measured = [pair for pair in metrics.pairs if pair.a.value is not None or pair.b.value is not None]
    lines = [heading, *([aligned([_metric(pair) for pair in measured])] if measured else [])]
    if unmeasured := len(metrics.pairs) - len(measured):
        lines.append(f"  {unmeasured} more are unavailable for both (--json names them)")
    return "\n".join(lines)


def _metric(pair: MetricPair) -> dict[str, str]:
    row = {"metric": pair.metric, "better": pair.better, "a": _estimate(pair.a), "b": _estimate(pair.b)}
    return row | {"": pair.verdict}


def _estimate(estimate: Estimate) -> str:
    if estimate.value is None:
        return "unavailable"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.3g}"
    return f"{estimate.value:.3g} [{estimate.low:.3g}, {estimate.high:.3g}]"


def _versions(versions: tuple[Version, ...]) -> str:
    told = (f"{_hash(one.sha256)} ({'?' if one.rows is None else one.rows} rows)" for one in versions)
    return ", ".join(told) or "-"


def _same(data: Data) -> str:
    return "same" if data.same else ""


def _hash(digest: str | None) -> str:
    return "-" if digest is None else digest[:SHOWN_DIGITS]


def _shown(value: Any) -> str:
    return "-" if value is None else str(value)
