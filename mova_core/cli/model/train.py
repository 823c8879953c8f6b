"""`mova train PHASE`: one phase of training."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mova_core.options import Data, ParamsFile, PhaseArgument
from mova_core.places import DATA, PARAMS, DataFolder


def train(
    phase: PhaseArgument,
    params_file: ParamsFile = PARAMS,
    data: Data = DATA,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder of a trial run; without it runs/PHASE.", show_default=False)
    ] = None,
) -> dict[str, Any]:
    """Train one phase on its latents, from the weights selected in the phase before.

    Writes runs/PHASE/: checkpoints, curves.jsonl, and last manifest.json. Run again after a stop, it goes on from the
    last checkpoint and ends in the same weights. A trial with other params goes to a folder of its own by --out, and
    leaves runs/PHASE alone. On several processes: torchrun --nproc-per-node 2 --no-python mova train PHASE.

    Example: mova train phase1 --params trial.yaml --out trials/lr-3e-3
    """
    from mova_core.params import load_params
    from mova_core.training.preflight import Places, check_inputs, run_folder
    from mova_core.training.recipe import phase_named

    chosen, params = phase_named(phase), load_params(params_file)
    places = Places(DataFolder(data))
    run_folder(chosen, places, out)
    check_inputs(chosen, params, places)  # before torch is loaded

    from mova_core.training.loop import train as run_train

    return run_train(chosen, params, places, out)
