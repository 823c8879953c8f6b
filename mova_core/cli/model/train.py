"""`mova train PHASE`: one phase of training, or a LoRA adapter."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mova_core.options import Data, ParamsFile
from mova_core.places import DATA, PARAMS, DataFolder


def train(
    phase: Annotated[
        str | None,
        typer.Argument(help="audio, phase1, phase2 or phase3; with --lora phase3 if left out.", show_default=False),
    ] = None,
    params_file: ParamsFile = PARAMS,
    data: Data = DATA,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder of a trial run; without it runs/PHASE.", show_default=False)
    ] = None,
    lora: Annotated[
        str | None, typer.Option("--lora", help="Name of a LoRA adapter to train beside models/PHASE.")
    ] = None,
    clips: Annotated[
        Path | None, typer.Option("--clips", help="With --lora: folder of clips, each with a caption: a.mp4, a.txt.")
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
    """Train one phase on its latents, from the weights selected in the phase before; or a LoRA adapter on clips.

    Writes runs/PHASE/: checkpoints, curves.jsonl, and last manifest.json. Run again after a stop, it goes on from the
    last checkpoint and ends in the same weights. A trial with other params goes to a folder of its own by --out, and
    leaves runs/PHASE alone. --profile 3 records three steps once they are warm, into profile/ of the run's folder.
    train.launch of the params says on how many processes it runs.

    With --lora NAME small matrices beside the layers of models/PHASE learn your own clips (train.lora of the params):
    models/lora/NAME/, for `mova generate --lora` and `mova export --lora`.

    Example: mova train phase1 --params trial.yaml --out trials/lr-3e-3

    Example: mova train --lora my-ball --clips my_clips
    """
    from mova_core.errors import UsageError
    from mova_core.params import load_params
    from mova_core.training.launch import choose
    from mova_core.training.launch.spec import is_started
    from mova_core.training.lora.request import LoraRequest
    from mova_core.training.preflight import Places, check_inputs, run_folder
    from mova_core.training.recipe import PHASES, phase_named
    from mova_core.training.strategy.layout import check_layout, check_micro_batches

    if lora is None and (phase is None or clips is not None):
        wrong = "PHASE is missing" if clips is None else "--clips goes with --lora NAME"
        raise UsageError(
            f"{wrong}: expected `mova train PHASE`, one of {', '.join(PHASES)}, or `mova train --lora NAME`"
        )
    if lora is not None and out is not None:
        raise UsageError(f"--out is {out}, and --lora {lora} writes to folders of its name: leave one of the two out")
    if lora is None:
        phase_named(phase or "")  # before params are asked for
    params = load_params(params_file)
    request = None if lora is None else LoraRequest.check(lora, clips, params, DataFolder(data), phase)
    chosen = phase_named(phase or "") if request is None else request.phase
    settings = choose.with_launcher(params.train.launch, launcher)
    options = {
        "--params": (params_file, PARAMS),
        "--data": (data, DATA),
        "--out": (out, None),
        "--profile": (profile, 0),
        "--lora": (lora, None),
        "--clips": (clips, None),
    }
    given = [word for name, (value, default) in options.items() if value != default for word in (name, str(value))]
    spec = choose.spec_of(settings, chosen.name, ("mova", "train", chosen.name, *given))
    if dry_run:
        return {"text": choose.manifest(settings, spec)}
    if not is_started():  # what does not fit is refused before anything is read or started
        layout = check_layout(params.train, spec.processes)
        own, batch = params.train, chosen.params(params.train).batch
        check_micro_batches(own.micro_batches_of(batch), batch, layout.data_ranks)
    here = is_started() or choose.is_here(settings)
    places = Places(DataFolder(data))
    if request is None:
        run_folder(chosen, places, out)
        check_inputs(chosen, params, places)  # before torch is loaded
    elif not is_started():
        from mova_core.curation.engine.base import Engine
        from mova_core.training.lora.run import encode_clips

        encode_clips(request, Engine.choose())
    if not here:
        return choose.launch(settings, spec)

    from mova_core.training.launch import started

    if request is None:
        return started.train(chosen, params, places, out, profile)
    from mova_core.training.lora.run import train_lora

    return started.call(train_lora, request, profile)
