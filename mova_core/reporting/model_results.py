"""What the page shows of the model, ready to print: headline, clips, training, metrics, sweep and lineage.

There is none until a phase is trained, evaluated or judged; what is missing of it is said, with the command for it.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mova_core.evaluation.catalogue import CATALOGUE, SWEPT
from mova_core.params import Params
from mova_core.places import SMOKE_CLIP
from mova_core.reporting.charts.loss import SigmaRow, loss_chart, sigma_rows
from mova_core.reporting.charts.sweep import sweep_charts
from mova_core.reporting.evaluation.page import PAGE_FILE
from mova_core.reporting.generated_clips import (
    GeneratedClip,
    TaskStrip,
    draw_generated,
    draw_tasks,
    draw_training_samples,
)
from mova_core.reporting.lineage_section import Lineage, trace_lineage
from mova_core.reporting.metrics_table import MetricsTable, metrics_table
from mova_core.reporting.phase_reports import (
    Evaluated,
    Level,
    Missing,
    PhaseReport,
    figures,
    headline,
    headline_figures,
    last_evaluated,
    read_phases,
    verdict,
)


@dataclass(frozen=True, slots=True)
class TrainedPhase:
    """One finished run: its curves as an SVG, its loss by sigma, and clips that it made, by step."""

    name: str
    plot: str
    sigma: list[SigmaRow]
    samples: list[tuple[int, list[GeneratedClip]]]


@dataclass(frozen=True, slots=True)
class Chart:
    """An SVG with its title."""

    title: str
    svg: str


@dataclass(frozen=True, slots=True)
class SweepCell:
    """One metric at one scale; `value` None where it is unavailable."""

    value: str | None = None
    interval: str | None = None


@dataclass(frozen=True, slots=True)
class SweepSection:
    """The Bridge guidance sweep: charts, and the same as a table; `columns` are titles of metrics."""

    charts: tuple[Chart, ...]
    columns: list[str]
    rows: list[tuple[str, list[SweepCell]]]


@dataclass(frozen=True, slots=True)
class ModelResults:
    """What the page shows of the model.

    Args:
        headline: result of the last evaluated phase; None before the first evaluation.
        verdict: the decision about it, and any phase before it that failed; empty where there is none.
        last_phase: name of that phase, empty before the first evaluation.
        clips_measured: clips of its suite.
        other_footage: whether its footage is not synthetic, so that events and classes are not known.
        clips: some that it generated.
        tasks: one that it generated of every task.
        trained: finished runs, in order.
        metrics: sync after each phase.
        pages: name and link of each phase's own page.
        sweep: of that phase; None if it has none.
        lineage: of the newest result.
        missing: what is not there, each with the command that makes it.
        figures: of `figures`.
        headline_figures: of `headline_figures`.
    """

    headline: str | None
    verdict: str
    last_phase: str
    clips_measured: int
    other_footage: bool
    clips: list[GeneratedClip]
    tasks: list[TaskStrip]
    trained: list[TrainedPhase]
    metrics: MetricsTable
    pages: list[tuple[str, str]]
    sweep: SweepSection | None
    lineage: Lineage
    missing: list[Missing]
    figures: dict[str, Any]
    headline_figures: dict[str, float | None]

    @property
    def has_tracks(self) -> bool:
        """Whether events are drawn under the clips."""
        return any(clip.track is not None for clip in self.clips)


def model_results(project: Path, params: Params, page: Path) -> ModelResults | None:
    """Read it all; None if nothing of it is there.

    Raises:
        StaleError, MediaError: a file cannot be read.
    """
    phases = read_phases(project)
    if not any(each.curves or each.evaluation or each.selection for each in phases):
        return None
    last = last_evaluated(phases)
    evaluation = last.evaluation if last else None
    missing = [each.missing for each in phases if each.missing is not None]
    if not (project / SMOKE_CLIP).is_file():
        missing.append(Missing("no model is packaged", "mova package"))
    return ModelResults(
        headline=headline(last.phase, evaluation) if last and evaluation else None,
        verdict=_verdicts(phases, last),
        last_phase=last.phase.name if last else "",
        clips_measured=evaluation.suite.clips if evaluation else 0,
        other_footage=evaluation is not None and not evaluation.synthetic,
        clips=draw_generated(last, last.phase.geometry(params)) if last else [],
        tasks=draw_tasks(last) if last else [],
        trained=[
            TrainedPhase(each.phase.name, loss_chart(each.curves), sigma_rows(each.curves), draw_training_samples(each))
            for each in phases
            if each.curves
        ],
        metrics=metrics_table(phases),
        pages=[
            (each.phase.name, os.path.relpath(own, page.parent))
            for each in phases
            if (own := each.folder / PAGE_FILE).is_file()
        ],
        sweep=_sweep(evaluation) if evaluation and evaluation.sweep else None,
        lineage=trace_lineage(project, params.ingest.footage, phases, page),
        missing=missing,
        figures=figures(phases),
        headline_figures=headline_figures(phases),
    )


def _verdicts(phases: Sequence[PhaseReport], last: PhaseReport | None) -> str:
    failed = [each for each in phases if each.selection and not each.selection.passed]
    return " ".join(filter(None, (verdict(each) for each in phases if each is last or each in failed)))


def _sweep(evaluation: Evaluated) -> SweepSection:
    measured = [
        name
        for name in SWEPT
        if any(name in entry.metrics and entry.metrics[name].value is not None for entry in evaluation.sweep)
    ]
    ours, report = sweep_charts(evaluation)
    charts = (Chart("This model, text scale 1", ours), Chart("MOVA report, Table 5, text scale 5", report))
    rows = [
        (
            "Bridge off" if entry.bridge_guidance_scale is None else entry.name,
            [_sweep_cell(entry.metrics.get(name)) for name in measured],
        )
        for entry in evaluation.sweep
    ]
    return SweepSection(charts, [CATALOGUE[name].title for name in measured], rows)


def _sweep_cell(level: Level | None) -> SweepCell:
    if level is None or level.value is None:
        return SweepCell()
    ends = None if level.low is None or level.high is None else f"{level.low:.3f} to {level.high:.3f}"
    return SweepCell(f"{level.value:.3f}", ends)
