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
    launcher: Annotated[
        str | None,
        typer.Option("--launcher", help="local, slurm, kubernetes or ray; without it that of the params."),
    ] = None,
    profile: Annotated[
        int, typer.Option("--profile", min=0, help="Steps to profile: a trace, and a table of operators; 0: none.")
    ] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be submitted.")] = False,
) -> dict[str, Any]:
    """Train one phase on its latents, from the weights selected in the phase before.

    Writes runs/PHASE/: checkpoints, curves.jsonl, and last manifest.json. Run again after a stop, it goes on from the
    last checkpoint and ends in the same weights. A trial with other params goes to a folder of its own by --out, and
    leaves runs/PHASE alone. --profile 3 records three steps once they are warm, into profile/ of the run's folder.
    train.launch of the params says on how many processes it runs.

    Example: mova train phase1 --params trial.yaml --out trials/lr-3e-3
    """
    from mova_core.params import load_params
    from mova_core.training.launch import choose
    from mova_core.training.launch.spec import is_started
    from mova_core.training.preflight import Places, check_inputs, run_folder
    from mova_core.training.recipe import phase_named

    chosen, params = phase_named(phase), load_params(params_file)
    settings = choose.with_launcher(params.train.launch, launcher)
    options = {
        "--params": (params_file, PARAMS),
        "--data": (data, DATA),
        "--out": (out, None),
        "--profile": (profile, 0),
    }
    given = [word for name, (value, default) in options.items() if value != default for word in (name, str(value))]
    spec = choose.spec_of(settings, phase, ("mova", "train", phase, *given))
    if dry_run:
        return {"text": choose.manifest(settings, spec)}
    places = Places(DataFolder(data))
    run_folder(chosen, places, out)
    check_inputs(chosen, params, places)  # before torch is loaded
    if not is_started() and not choose.is_here(settings):
        from mova_core.training.strategy.choose import Mesh

        Mesh.of(params.train.parallel, spec.processes, rank=0)  # refuses what does not fit before anything starts
        return choose.launch(settings, spec)

    from mova_core.training.launch.started import train as run_train

    return run_train(chosen, params, places, out, profile)
