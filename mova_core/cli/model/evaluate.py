"""`mova evaluate`: measure what a phase's last checkpoint generates, or anybody's clips."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mova_core.cli.model.setting_options import with_settings
from mova_core.options import Data, EngineName, ParamsFile, Workers
from mova_core.params.runtime import RUNTIME_SETTINGS, RuntimeParams
from mova_core.places import DATA, EVALUATIONS, PARAMS, DataFolder

if TYPE_CHECKING:
    from mova_core.params import Params


@with_settings(RuntimeParams, RUNTIME_SETTINGS, "runtime")
def evaluate(
    phase: Annotated[
        str | None, typer.Argument(help="audio, phase1, phase2 or phase3.", show_default="needed without --videos")
    ] = None,
    videos: Annotated[
        Path | None, typer.Option("--videos", help="Instead of a phase: score the video files of this folder.")
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option("--against", help="With --videos: a folder of clips to compare with; same names are pairs."),
    ] = None,
    transcripts: Annotated[
        Path | None,
        typer.Option("--transcripts", help="With --videos: who says what in each, as docs/speech.md says."),
    ] = None,
    params_file: ParamsFile = PARAMS,
    data: Data = DATA,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Folder of evaluations; with --videos the folder of this one.",
            show_default=f"{EVALUATIONS}; with --videos required",
        ),
    ] = None,
    engine: EngineName = "local",
    workers: Workers = 0,
    *,
    runtime: dict[str, Any],
) -> dict[str, Any]:
    """Measure how well video, audio and text agree: of what a phase's last checkpoint generates, or of any clips.

    PHASE generates a fixed suite and writes metrics.json, sample clips and a plot of the Bridge guidance sweep to
    reports/evaluation/PHASE/. --videos measures files as they are, by every metric that can be measured here
    (docs/metrics.md), in worker processes under limits; a killed run goes on where it was.

    What an option does not say of the device is as section generate of the params has it.

    Example: mova evaluate phase3 --device cuda

    Example: mova evaluate --videos clips --against other-clips --out scores
    """
    from mova_core.errors import UsageError
    from mova_core.params import load_params

    if (phase is None) == (videos is None):
        raise UsageError("name either a phase (audio, phase1, phase2, phase3) or a folder of clips (--videos DIR)")
    params = load_params(params_file)
    if videos is not None:
        if out is None:
            raise UsageError("--out is missing: name the folder that the scores are written to")
        from mova_core.curation.engine.base import Engine
        from mova_core.evaluation.scoring.score import score
        from mova_core.evaluation.scoring.scorer import Scorer
        from mova_core.speech.transcript import read_transcripts

        said = None if transcripts is None else read_transcripts(transcripts)
        return score(Scorer.of(params, Engine.choose(engine, workers)), videos, out, transcripts=said, against=against)
    if against is not None:
        raise UsageError("--against goes with --videos: a phase is compared with its validation clips")
    if transcripts is not None:
        raise UsageError("--transcripts goes with --videos: what a phase generates is transcribed by params speech")
    return _phase(str(phase), params.model_copy(update={"generate": params.generate.changed(**runtime)}), data, out)


def _phase(phase: str, params: "Params", data: Path, out: Path | None) -> dict[str, Any]:
    from mova_core.devices import check_there
    from mova_core.training.preflight import Places, check_trained
    from mova_core.training.recipe import phase_named

    chosen, reports = phase_named(phase), out or EVALUATIONS
    check_there(params.generate.devices)
    places = Places(DataFolder(data))
    check_trained(chosen, places)

    from mova_core.evaluation.evaluate import evaluate as run_evaluate
    from mova_core.reporting.charts.style import as_file
    from mova_core.reporting.charts.sweep import PLOT_FILE, sweep_chart
    from mova_core.reporting.phase_reports import Evaluated, headline
    from mova_core.storage.atomic import write_text

    result = run_evaluate(chosen, params, places, reports)
    evaluation = Evaluated.model_validate(result)
    if evaluation.sweep:
        write_text(reports / phase / PLOT_FILE, as_file(sweep_chart(evaluation)))
    return {**result, "text": headline(chosen, evaluation)}
