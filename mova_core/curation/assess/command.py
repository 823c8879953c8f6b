"""`mova assess`: what each clip measures, whether it is accepted, and for which training phases."""

from typing import Any

from mova_core.options import Data, EngineName, ParamsFile, Workers
from mova_core.places import DATA, PARAMS, RESULT_CACHE, DataFolder


def assess(
    params_file: ParamsFile = PARAMS, data: Data = DATA, engine: EngineName = "local", workers: Workers = 0
) -> dict[str, Any]:
    """Measure every clip and judge it by the limits in params.yaml (section assess).

    Writes verdicts.parquet with a row for every clip, and rejects/assess.parquet with the reasons of the rejected ones.

    Example: mova assess --workers 2
    """
    from mova_core.params import load_params

    params = load_params(params_file)

    from mova_core.curation.assess.stage import assess as run_assess
    from mova_core.curation.engine.base import Engine

    return run_assess(params, DataFolder(data), Engine.choose(engine, workers), RESULT_CACHE)
