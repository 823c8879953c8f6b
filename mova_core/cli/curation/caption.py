"""`mova caption`: what can be seen and what is audible in each accepted clip, in words."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mova_core.cli.options import ParamsFile


def caption(
    params_file: ParamsFile = Path("params.yaml"),
    data: Annotated[Path, typer.Option("--data", help="Folder of tables and clips.")] = Path("data"),
) -> dict[str, Any]:
    """Write captions.parquet: a template caption for every accepted clip, of what is known or measured and no more.

    The footage that params.yaml names (ingest.footage) is asked for its sidecars.

    Example: mova caption
    """
    from mova_core.params import load_params

    params = load_params(params_file)

    from mova_core.curation.caption.stage import caption as run_caption
    from mova_core.places import DataFolder

    return run_caption(params, Path(params.ingest.footage), DataFolder(data))
