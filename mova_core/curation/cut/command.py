"""`mova cut`: every window as a clip."""

from pathlib import Path
from typing import Any

from mova_core.options import Data, EngineName, ParamsFile, Workers
from mova_core.places import DATA, PARAMS, RESULT_CACHE, DataFolder


def cut(
    params: ParamsFile = PARAMS, engine: EngineName = "local", workers: Workers = 0, data: Data = DATA
) -> dict[str, Any]:
    """Cut each window of data/windows.parquet into a clip: data/clips/clips-*.tar and data/clips.parquet.

    A clip has exactly the preset's frames and samples; frames are cropped, centred and padded to the canvas. Stopped
    midway, run it again: it goes on from its finished sources.

    Example: mova cut --workers 2
    """
    from mova_core.curation.cut.stage import cut as run_cut
    from mova_core.curation.engine.base import Engine
    from mova_core.params import load_params

    values = load_params(params)
    return run_cut(values, Path(values.ingest.footage), DataFolder(data), Engine.choose(engine, workers), RESULT_CACHE)
