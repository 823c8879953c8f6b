"""`mova fit_codec`: the nano preset's video and audio codecs."""

from typing import Any

from mova_core.options import Data, ParamsFile
from mova_core.places import DATA, PARAMS, DataFolder


def fit_codec(params_file: ParamsFile = PARAMS, data: Data = DATA) -> dict[str, Any]:
    """Fit the nano preset's codecs on a sample of the accepted training clips.

    Writes models/codec/, the parts of a model that training does not change, and says how well the codecs do on
    validation clips.

    Example: mova fit_codec
    """
    from mova_core.params import load_params

    params = load_params(params_file)

    from mova_core.curation.fit_codec.stage import fit_codec as run_fit

    return run_fit(params, DataFolder(data))
