"""The page's model half, ready to print: headline, clips, training, measures, sweep and lineage.

There is none until a phase is trained, evaluated or judged; what is missing of it is said, with the command for it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mova_core.evaluation.catalogue import SWEPT
from mova_core.params import Params
from mova_core.reporting.generated_clips import GeneratedClip, draw_generated
from mova_core.reporting.lineage_section import PACKAGE, PACKAGED_CLIP, Lineage, trace_lineage
from mova_core.reporting.measures_table import MeasuresTable, measures_table
from mova_core.reporting.phase_reports import (
    Evaluated,
    Missing,
    PhaseReport,
    figures,
    headline,
    last_evaluated,
    read_phases,
    verdict,
)
from mova_core.reporting.samples import data_uri
from mova_core.reporting.sweep_plot import PLOT_FILE
from mova_core.reporting.training_curves import SigmaRow, loss_plot, sigma_rows


@dataclass(frozen=True, slots=True)
class TrainedPhase:
    """One finished run: its curves as an SVG, and its loss by sigma."""

    name: str
    plot: str
    sigma: list[SigmaRow]


@dataclass(frozen=True, slots=True)
class ModelHalf:
    """What the page shows of the model.

    Args:
        headline: result of the last evaluated phase; None before the first evaluation.
        verdict: the decision about it, and any phase before it that failed; empty where there is none.
        last: that phase.
        clips: some that it generated.
        trained: finished runs, in order.
        measures: sync after each phase.
        sweep_uri: the plot of the Bridge guidance sweep of the last phase that has one.
        lineage: of the newest result.
        missing: what is not there, each with the command that makes it.
        figures: of `figures`.
    """

    headline: str | None
    verdict: str
    last: PhaseReport | None
    clips: list[GeneratedClip]
    trained: list[TrainedPhase]
    measures: MeasuresTable
    sweep_uri: str | None
    lineage: Lineage
    missing: list[Missing]
    figures: dict[str, Any]

    @property
    def evaluation(self) -> Evaluated | None:
        return self.last.evaluation if self.last else None

    @property
    def swept(self) -> list[str]:
        """Measures of the sweep that could be made at one scale at least."""
        entries = self.evaluation.sweep if self.evaluation else []
        levels = {name: [entry.metrics[name].value for entry in entries if name in entry.metrics] for name in SWEPT}
        return [name for name, values in levels.items() if any(value is not None for value in values)]


def model_half(project: Path, params: Params, page: Path) -> ModelHalf | None:
    """Read it all; None if nothing of it is there.

    Raises:
        StaleError, MediaError: a file cannot be read.
    """
    phases = read_phases(project)
    if not any(each.curves or each.evaluation or each.selection for each in phases):
        return None
    last = last_evaluated(phases)
    missing = [each.missing for each in phases if each.missing is not None]
    if not (project / PACKAGE / PACKAGED_CLIP).is_file():
        missing.append(Missing("no model is packaged", "mova package"))
    return ModelHalf(
        headline=headline(last.phase, last.evaluation) if last and last.evaluation else None,
        verdict=_verdicts(phases, last),
        last=last,
        clips=draw_generated(last, last.phase.geometry(params)) if last else [],
        trained=[
            TrainedPhase(each.phase.name, loss_plot(each.curves), sigma_rows(each.curves))
            for each in phases
            if each.curves
        ],
        measures=measures_table(phases),
        sweep_uri=_sweep_uri(last),
        lineage=trace_lineage(project, params.ingest.footage, phases, page),
        missing=missing,
        figures=figures(phases),
    )


def _verdicts(phases: list[PhaseReport], last: PhaseReport | None) -> str:
    failed = [each for each in phases if each.selection and not each.selection.passed]
    return " ".join(filter(None, (verdict(each) for each in phases if each is last or each in failed)))


def _sweep_uri(last: PhaseReport | None) -> str | None:
    """The plot as an image of its own: its styles stay apart from the page's, and follow dark and light like it."""
    path = None if last is None else last.folder / PLOT_FILE
    return data_uri("image/svg+xml", path.read_bytes()) if path is not None and path.is_file() else None
