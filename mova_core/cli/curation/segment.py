"""`mova segment`: letterbox bars, cuts, speech and windows of every accepted source."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mova_core.cli.options import EngineName, ParamsFile, Workers


def segment(
    data: Annotated[Path, typer.Option("--data", help="Folder of the tables.")] = Path("data"),
    params_file: ParamsFile = Path("params.yaml"),
    engine: EngineName = "local",
    workers: Workers = 0,
) -> dict[str, Any]:
    """Find letterbox bars, cuts, speech and windows of each accepted source.

    Example: mova segment --workers 2
    """
    from mova_core.curation.engine.base import Engine
    from mova_core.curation.segment import stage
    from mova_core.params import load_params
    from mova_core.places import RESULT_CACHE, DataFolder

    params = load_params(params_file)
    footage = Path(params.ingest.footage)
    return stage.segment(params, footage, DataFolder(data), Engine.choose(engine, workers), RESULT_CACHE)
