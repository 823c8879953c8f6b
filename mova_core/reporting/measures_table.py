"""Sync after each phase as a table: a row a measure, a column a phase, what was asked beside what was got.

An unavailable measure is a cell that says so and points to its reason; it is never a number.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mova_core.errors import StaleError
from mova_core.evaluation.catalogue import CATALOGUE, HEADLINE
from mova_core.reporting.phase_reports import PhaseReport


@dataclass(frozen=True, slots=True)
class Cell:
    """One measure after one phase, ready to print; `note` is the number of the reason it is unavailable.

    `asked` is the gate's limit in words, `passed` its verdict; None where no gate asks.
    """

    value: str | None = None
    interval: str | None = None
    shuffled: str | None = None
    data: str | None = None
    asked: str | None = None
    passed: bool | None = None
    note: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One measure; `main` ones are what the phases are about or judged by."""

    name: str
    label: str
    main: bool
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Why some measures could not be made, each as `phase: measure, measure`."""

    reason: str
    measures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MeasuresTable:
    """Rows over the evaluated phases, and the reasons that cells point to, numbered from 1."""

    phases: tuple[PhaseReport, ...]
    rows: tuple[Row, ...]
    unavailable: tuple[Unavailable, ...]


def measures_table(phases: Sequence[PhaseReport]) -> MeasuresTable:
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
    rows = []
    for name in (name for name in CATALOGUE if name in measured | judged | set(HEADLINE)):
        cells = tuple(_cell(name, each, reasons) for each in shown)
        rows.append(Row(name, CATALOGUE[name].title, name in HEADLINE or name in judged, cells))
    unavailable = tuple(
        Unavailable(reason, tuple(f"{phase}: {', '.join(labels)}" for phase, labels in of.items()))
        for reason, of in reasons.items()
    )
    return MeasuresTable(shown, tuple(rows), unavailable)


def _cell(name: str, report: PhaseReport, reasons: dict[str, dict[str, list[str]]]) -> Cell:
    assert report.evaluation is not None
    metric = report.evaluation.metrics.get(name)
    gate = next((gate for gate in report.selection.gates if gate.name == name), None) if report.selection else None
    sign = "≤" if CATALOGUE[name].better == "lower" else "≥"
    asked, passed = (f"{sign} {gate.limit:g}", gate.passed) if gate else (None, None)
    if metric is None or metric.value is None:
        reason = (metric.unavailable if metric else None) or "it was not measured"
        reasons.setdefault(reason, {}).setdefault(report.phase.name, []).append(CATALOGUE[name].title)
        return Cell(asked=asked, passed=passed, note=list(reasons).index(reason) + 1)
    interval = None
    if metric.low is not None and metric.high is not None:
        interval = f"{metric.low:.3f} to {metric.high:.3f}"
    shuffled, data = (None if value is None else f"{value:.3f}" for value in (metric.shuffled, metric.data))
    return Cell(f"{metric.value:.3f}", interval, shuffled, data, asked, passed)
