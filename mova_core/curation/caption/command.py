"""`mova caption`: what can be seen and what is audible in each accepted clip, in words."""

from pathlib import Path
from typing import Any

from mova_core.options import Data, ParamsFile
from mova_core.places import DATA, PARAMS, DataFolder


def caption(params_file: ParamsFile = PARAMS, data: Data = DATA) -> dict[str, Any]:
    """Write captions.parquet: for every accepted clip a caption of what is known or measured and no more, or one that
    models write (caption.kind: model).

    The footage that params.yaml names (ingest.footage) is asked for its sidecars. Models are asked at MOVA_VLM_URL,
    MOVA_LLM_URL, MOVA_ALM_URL and MOVA_ASR_URL; what they answered is kept, so a run that was stopped goes on.

    Example: mova caption
    """
    from mova_core.params import load_params

    params = load_params(params_file)

    from mova_core.curation.caption.stage import caption as run_caption

    return run_caption(params, Path(params.ingest.footage), DataFolder(data))
