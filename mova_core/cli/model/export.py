"""`mova export`: a model as a released checkpoint's folder."""

from pathlib import Path
from typing import Annotated, Any

import typer


def export(
    checkpoint: Annotated[str, typer.Argument(help="Alias, checkpoint id or model folder.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="The folder to write; must not be there, or be empty.")],
) -> dict[str, Any]:
    """Write a model as a folder laid out and named like a released checkpoint: safetensors, in shards where large.

    Nano codecs and text encoder have no counterpart there and keep their own names.

    Example: mova export models/phase3 --out exported
    """
    from mova_core.cli.registry.checkpoint_reference import resolve_checkpoint
    from mova_core.model.pretrained.index import FolderIndex
    from mova_core.storage.atomic_folder import check_free

    folder = resolve_checkpoint(checkpoint)
    FolderIndex.read(folder)
    check_free(out)

    from mova_core.model.model_folder import load_components, save_components, with_released_names

    components = load_components(folder)
    save_components(with_released_names(components), out)
    parameters = sum(parameter.numel() for parameter in components.towers.parameters())
    return {
        "folder": str(out),
        "parameters": parameters,
        "text": f"{out}: towers and Bridge of {parameters:,} parameters, and the parts they work with",
    }
