"""`mova select PHASE`: export the best checkpoint of a phase, if it passes its gates."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mova_core.options import Data, ParamsFile, PhaseArgument
from mova_core.places import DATA, EVALUATIONS, PARAMS, DataFolder


def select(
    phase: PhaseArgument,
    params_file: ParamsFile = PARAMS,
    data: Data = DATA,
    reports: Annotated[Path, typer.Option("--evaluations", help="Folder of evaluations.")] = EVALUATIONS,
) -> dict[str, Any]:
    """Judge the evaluated checkpoints of a run by the phase's gates; the best goes to models/PHASE/ if it passes.

    Writes the decision to models/PHASE/selection.json either way, and exits 1 with the table where a gate fails.

    Example: mova select phase3
    """
    from mova_core.params import load_params
    from mova_core.training.preflight import Places, check_trained
    from mova_core.training.recipe import phase_named

    chosen, params = phase_named(phase), load_params(params_file)
    places = Places(DataFolder(data))
    check_trained(chosen, places)

    from mova_core.evaluation.select import select as run_select

    return run_select(chosen, params, places, reports)
