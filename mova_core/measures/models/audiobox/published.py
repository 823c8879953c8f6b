"""What the published Audiobox-aesthetics states beside its weights: the heads' layers and the scale of each axis.

Source: facebookresearch/audiobox-aesthetics, src/audiobox_aesthetics/model/aes.py; on Hugging Face
facebook/audiobox-aesthetics, whose config.json lies beside model.safetensors.
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from mova_core.errors import UsageError, first_fault
from mova_core.measures.models.weights_file import Published

AXES = ("CE", "CU", "PC", "PQ")  # content enjoyment, content usefulness, production complexity, production quality
CONFIG = "config.json"
PUBLISHED = Published("audiobox", "model.safetensors of facebook/audiobox-aesthetics")


class Scale(BaseModel):
    """Of one axis: a score is the network's value times `std` plus `mean`."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    mean: float
    std: float


class Scales(BaseModel):
    """Of all axes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    CE: Scale
    CU: Scale
    PC: Scale
    PQ: Scale


class AudioboxConfig(BaseModel):
    """The published config.json; what trains the model or names it is left aside."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    proj_num_layer: int = 1
    proj_ln: bool = False
    proj_act_fn: Literal["gelu"] = "gelu"
    proj_dropout: float = 0
    use_weighted_layer_sum: Literal[True] = True
    normalize_embed: bool = True
    output_dim: Literal[1] = 1
    target_transform: Scales


def config_beside(path: Path) -> AudioboxConfig:
    """The config.json that lies beside the weights.

    Raises:
        UsageError: there is none, or it is not that of Audiobox-aesthetics.
    """
    beside = path.parent / CONFIG
    try:
        return AudioboxConfig.model_validate_json(beside.read_bytes())
    except FileNotFoundError:
        raise PUBLISHED.refuse(path, f"has no {CONFIG} beside it, with mean and std of each axis") from None
    except ValidationError as error:
        raise UsageError(
            f"{beside} is not the {CONFIG} of facebook/audiobox-aesthetics ({first_fault(error)}): bring that one"
        ) from None
