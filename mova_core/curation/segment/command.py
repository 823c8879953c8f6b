"""`mova segment`: letterbox bars, cuts, speech and windows of every accepted source."""

from pathlib import Path
from typing import Any

from mova_core.options import Data, EngineName, ParamsFile, Workers
from mova_core.places import DATA, PARAMS, RESULT_CACHE, DataFolder


def segment(
    data: Data = DATA, params_file: ParamsFile = PARAMS, engine: EngineName = "local", workers: Workers = 0
) -> dict[str, Any]:
    """Find letterbox bars, cuts, speech and windows of each accepted source.

    Example: mova segment --workers 2
    """
    from mova_core.curation.engine.base import Engine
    from mova_core.curation.segment import stage
    from mova_core.params import load_params

    params = load_params(params_file)
    footage = Path(params.ingest.footage)
    return stage.segment(params, footage, DataFolder(data), Engine.choose(engine, workers), RESULT_CACHE)
