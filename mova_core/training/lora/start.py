"""What LoRA starts from: the base's weights, beside which B is zero, so that at first nothing is added."""

from peft.tuners.lora import Linear as LoraLinear
from torch import Tensor

from mova_core.model.lora.adapter import config_fields
from mova_core.model.lora.layers import NAME, attach, base_name, is_adapter
from mova_core.model.weights.fresh import FreshWeights
from mova_core.params.model import LoraParams
from mova_core.training.lora.dropout import SeededDropout
from mova_core.training.start import Start


def with_lora(start: Start, params: LoraParams, seed: int) -> Start:
    """The same model with LoRA layers, of which alone it learns.

    Args:
        start: of the base; its blueprint is changed.
        params: section `train.lora`.
        seed: of fresh weights.

    Raises:
        UsageError: no layer has such a name.
    """
    attach(start.blueprint, config_fields(params))
    for layer in start.blueprint.modules():
        if isinstance(layer, LoraLinear) and params.dropout:
            layer.lora_dropout[NAME] = SeededDropout(params.dropout)
    fresh = FreshWeights(seed, start.blueprint)

    def weights(name: str) -> Tensor:
        return fresh(name) if is_adapter(name) else start.weights(base_name(name))

    return Start(start.blueprint, weights)
