"""`mova encode`: latents of the accepted clips at one clip geometry."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mova_core.options import Data, EngineName, ParamsFile, Workers
from mova_core.places import DATA, PARAMS, RESULT_CACHE, DataFolder


def encode(
    geometry: Annotated[str, typer.Argument(help="Clip geometry, such as nano-48.", show_default=False)],
    params_file: ParamsFile = PARAMS,
    data: Data = DATA,
    engine: EngineName = "local",
    workers: Workers = 0,
) -> dict[str, Any]:
    """Encode the accepted clips and their captions at one clip geometry.

    Writes DATA/latents/GEOMETRY/: shards of up to encode.clips_per_shard clips, index.parquet, and last manifest.json.
    At the smallest geometry also the windows of files of audio alone, for the audio tower: audio_clips.parquet.
    Run again after a stop, it keeps the finished shards.

    Example: mova encode nano-48 --workers 2
    """
    from mova_core.curation.encode.encodable import check_encodable
    from mova_core.geometry import geometry_named
    from mova_core.params import load_params

    params, chosen = load_params(params_file), geometry_named(geometry)
    check_encodable(params, chosen)

    from mova_core.curation.encode.stage import encode as run_encode
    from mova_core.curation.engine.base import Engine

    footage = Path(params.ingest.footage)
    return run_encode(params, chosen, DataFolder(data), Engine.choose(engine, workers), footage, RESULT_CACHE)
