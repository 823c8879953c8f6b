"""`mova export`: a model, or a checkpoint of a run, as a released checkpoint's folder."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from mova_core.options import Data, ParamsFile
from mova_core.places import DATA, PARAMS, DataFolder

KINDS = {"ema": "ema", "raw": "model"}  # as the files of a checkpoint name them


def export(
    checkpoint: Annotated[
        str, typer.Argument(help="Alias, checkpoint id, model folder, or a run's checkpoint.", show_default=False)
    ],
    out: Annotated[Path, typer.Option("--out", help="The folder to write; must not be there, or be empty.")],
    weights: Annotated[
        Literal["ema", "raw"] | None,
        typer.Option(
            "--weights",
            help="Of a run's checkpoint: ema, the averaged weights (those without it), or raw, those that learn.",
            show_default=False,
        ),
    ] = None,
    params_file: ParamsFile = PARAMS,
    data: Data = DATA,
    lora: Annotated[
        list[str] | None,
        typer.Option(
            "--lora",
            help="A LoRA adapter to merge into the weights: models/lora/NAME or a .safetensors file; =0.7 behind it is "
            "its weight. May be given several times.",
        ),
    ] = None,
) -> dict[str, Any]:
    """Write a model as a folder laid out and named like a released checkpoint: safetensors, in shards where large.

    One file of weights is in memory at a time. A run's checkpoint is written with the codecs and the text encoder that
    the params name. Nano codecs and text encoder have no counterpart there and keep their own names.

    Example: mova export models/phase3 --out exported

    Example: mova export runs/phase1/checkpoints/step-000250 --weights raw --out exported

    Example: mova export models/phase3 --lora models/lora/my-ball --out merged
    """
    from mova_core.cli.registry.checkpoint_reference import resolve_checkpoint
    from mova_core.errors import UsageError
    from mova_core.storage.atomic_folder import check_free
    from mova_core.training.checkpoints.checkpoint import is_checkpoint

    folder = resolve_checkpoint(checkpoint)
    check_free(out)
    if is_checkpoint(folder):
        if lora:
            raise UsageError(
                f"--lora is for a model folder; {folder} is a run's checkpoint: name the model of its phase"
            )
        _export_checkpoint(folder, KINDS[weights or "ema"], params_file, DataFolder(data), out)
    else:
        _export_model(folder, weights, lora or [], out)

    from mova_core.model.pretrained.component import count_parameters
    from mova_core.model.pretrained.index import TOWER_COMPONENTS

    parameters = sum(count_parameters(out / name) for name in TOWER_COMPONENTS)
    return {
        "folder": str(out),
        "parameters": parameters,
        "text": f"{out}: towers and Bridge of {parameters:,} parameters, and the parts they work with",
    }


def _export_checkpoint(folder: Path, kind: str, params_file: Path, data: DataFolder, out: Path) -> None:
    from mova_core.params import load_params
    from mova_core.training.checkpoints.checkpoint import Checkpoint

    checkpoint, params = Checkpoint.read(folder), load_params(params_file)
    checkpoint.verify()

    from mova_core.training.export import parts_of, write_model  # torch only from here on

    write_model(checkpoint, kind, params, parts_of(checkpoint, params, data), out, released_names=True)


def _export_model(folder: Path, weights: str | None, loras: list[str], out: Path) -> None:
    from mova_core.errors import UsageError
    from mova_core.model.lora.lora_file import WeightedLora, parse_wanted
    from mova_core.model.pretrained.index import INDEX_FILE
    from mova_core.places import CANDIDATE, CHECKPOINTS, RUNS
    from mova_core.registry.manifests import check_selected

    if not (folder / INDEX_FILE).is_file():
        raise UsageError(
            f"{folder} is neither a model folder (no {INDEX_FILE}) nor a run's checkpoint (no manifest of one): "
            f"expected one such as {CANDIDATE} or {RUNS}/phase1/{CHECKPOINTS}/step-000250"
        )
    if weights is not None:
        raise UsageError(
            f"--weights {weights} is for a run's checkpoint; {folder} is a model and holds one kind: leave it out"
        )
    adapters = WeightedLora.all_of_model([parse_wanted(word) for word in loras], folder)
    check_selected(folder, f"make {folder} again")

    if not adapters:
        from mova_core.model.model_folder import export_folder  # torch only from here on

        export_folder(folder, out)
        return
    from mova_core.model.lora.merged import load_merged
    from mova_core.model.model_folder import save_components, with_released_names

    components = load_merged(folder, adapters)
    save_components(replace(components, index=with_released_names(components.index)), out)
