"""`mova evaluate PHASE`: measure what a phase's last checkpoint generates."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mova_core.cli.model.setting_options import with_settings
from mova_core.options import Data, ParamsFile, PhaseArgument
from mova_core.params.runtime import RUNTIME_SETTINGS, RuntimeParams
from mova_core.places import DATA, EVALUATIONS, PARAMS, DataFolder


@with_settings(RuntimeParams, RUNTIME_SETTINGS, "runtime")
def evaluate(
    phase: PhaseArgument,
    params_file: ParamsFile = PARAMS,
    data: Data = DATA,
    reports: Annotated[Path, typer.Option("--out", help="Folder of evaluations.")] = EVALUATIONS,
    *,
    runtime: dict[str, Any],
) -> dict[str, Any]:
    """Generate a fixed suite from a run's last checkpoint and measure how well video, audio and text agree.

    Writes metrics.json, sample clips and a plot of the Bridge guidance sweep to reports/evaluation/PHASE/.

    What an option does not say of the device is as section generate of the params has it.

    Example: mova evaluate phase3 --device cuda
    """
    from mova_core.devices import check_there
    from mova_core.params import load_params
    from mova_core.training.preflight import Places, check_trained
    from mova_core.training.recipe import phase_named

    chosen, params = phase_named(phase), load_params(params_file)
    params = params.model_copy(update={"generate": params.generate.changed(**runtime)})
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
