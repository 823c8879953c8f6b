"""Sync after each phase as a table: a row a metric, a column a phase, what was asked beside what was got.

An unavailable metric is a cell that says so and points to its reason; it is never a number.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mova_core.errors import StaleError
from mova_core.evaluation.catalogue import CATALOGUE, HEADLINE
from mova_core.reporting.phase_reports import PhaseReport


@dataclass(frozen=True, slots=True)
class Cell:
    """One metric after one phase, ready to print.

    Args:
        value: None where it is unavailable; `note` is then the number of the reason.
        interval: its 95 % bootstrap interval.
        beside: the shuffled baseline and the data's own value, where there are any.
        asked: the verdict and the limit of its gate; None where no gate asks.
        css: class of the verdict.
    """

    value: str | None = None
    interval: str | None = None
    beside: tuple[str, ...] = ()
    asked: str | None = None
    css: str = ""
    note: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One metric."""

    name: str
    label: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided about a phase; `failed` is the reason where it failed."""

    phase: str
    text: str
    css: str
    failed: str | None


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Why some metrics could not be measured, and which, as `phase: metric, metric; …`."""

    reason: str
    metrics: str


@dataclass(frozen=True, slots=True)
class MetricsTable:
    """Rows over the evaluated phases: `main` ones are headlines or judged; reasons are numbered from 1."""

    phases: tuple[str, ...]
    main: tuple[Row, ...]
    others: tuple[Row, ...]
    decisions: tuple[Decision, ...]
    unavailable: tuple[Unavailable, ...]


def metrics_table(phases: Sequence[PhaseReport]) -> MetricsTable:
    """The table of the phases that are evaluated.

    Raises:
        StaleError: a metric is not in the catalogue.
    """
    shown = tuple(each for each in phases if each.evaluation is not None)
    measured = {name for each in shown if each.evaluation for name in each.evaluation.metrics}
    judged = {gate.name for each in shown if each.selection for gate in each.selection.gates}
    if unknown := sorted((measured | judged) - set(CATALOGUE)):
        raise StaleError(
            f"the evaluations hold {', '.join(unknown)}, which this version does not know: evaluate and select again"
        )
    reasons: dict[str, dict[str, list[str]]] = {}
    rows = [
        Row(name, CATALOGUE[name].title, tuple(_cell(name, each, reasons) for each in shown))
        for name in CATALOGUE
        if name in measured | judged | set(HEADLINE)
    ]
    return MetricsTable(
        phases=tuple(each.phase.name for each in shown),
        main=tuple(row for row in rows if row.name in judged | set(HEADLINE)),
        others=tuple(row for row in rows if row.name not in judged | set(HEADLINE)),
        decisions=tuple(map(_decision, shown)),
        unavailable=tuple(
            Unavailable(reason, "; ".join(f"{phase}: {', '.join(titles)}" for phase, titles in of.items()))
            for reason, of in reasons.items()
        ),
    )


def _cell(name: str, report: PhaseReport, reasons: dict[str, dict[str, list[str]]]) -> Cell:
    assert report.evaluation is not None
    metric = report.evaluation.metrics.get(name)
    asked, css = _asked(name, report)
    if metric is None or metric.value is None:
        reason = (metric.unavailable if metric else None) or "it was not measured"
        reasons.setdefault(reason, {}).setdefault(report.phase.name, []).append(CATALOGUE[name].title)
        return Cell(asked=asked, css=css, note=list(reasons).index(reason) + 1)
    interval = None
    if metric.low is not None and metric.high is not None:
        interval = f"{metric.low:.3f} to {metric.high:.3f}"
    levels = (("shuffled", metric.shuffled), ("data", metric.data))
    beside = tuple(f"{word} {value:.3f}" for word, value in levels if value is not None)
    return Cell(f"{metric.value:.3f}", interval, beside, asked, css)


def _asked(name: str, report: PhaseReport) -> tuple[str | None, str]:
    gate = next((gate for gate in report.selection.gates if gate.name == name), None) if report.selection else None
    if gate is None:
        return None, ""
    sign = gate.sign or ("≤" if CATALOGUE[name].better == "lower" else "≥")
    return f"{'✔' if gate.passed else '✘'} {sign} {gate.limit:g}", "ok" if gate.passed else "broken"


def _decision(report: PhaseReport) -> Decision:
    selection, name = report.selection, report.phase.name
    if selection is None:
        return Decision(name, "not judged", "soft", None)
    if selection.passed:
        return Decision(name, "✔ passed", "verdict ok", None)
    return Decision(name, "✘ failed", "verdict broken", selection.reason)
