"""LoRA adapters beside the weights of a model that computes: several at once, each with a weight of its own.

A linear layer y = W x becomes y = W x + sum of weight (alpha / rank) B A x over the adapters in force. Whatever the
order they are named in, they are added in the order of their ids, so the same adapters give the same bits. Fused, the
sum is part of W; the W before is kept on the processor and comes back bit for bit. The layers are peft's.
"""

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import Linear as LoraLinear
from safetensors import safe_open
from torch import Tensor, nn

from mova_core.errors import MovaError, UsageError
from mova_core.model.lora.lora_file import LoraFile, WeightedLora, check_weight


@dataclass(frozen=True, slots=True)
class _Loaded:
    lora: LoraFile
    layer_name: str  # in peft's layers, whose dictionaries take no dot


class LoadedAdapters:
    """The adapters of one model.

    Args:
        towers: towers and Bridge.
    """

    def __init__(self, towers: nn.Module) -> None:
        self._towers: Any = towers  # peft gives it an attribute
        self._loaded: dict[str, _Loaded] = {}
        self._weights: dict[str, float] = {}  # of those in force, in the order of their ids
        self._before: dict[str, Tensor] = {}  # weights of fused layers
        self._count = 0

    @classmethod
    def of(cls, towers: nn.Module, loras: Sequence[WeightedLora]) -> "LoadedAdapters":
        """Adapters loaded by their ids, and in force; errors as of `load` and `set`."""
        adapters = cls(towers)
        for lora in loras:
            adapters.load(lora.file.adapter_id, lora.file)
        adapters.set({lora.file.adapter_id: lora.weight for lora in loras})
        return adapters

    @property
    def names(self) -> list[str]:
        """Of all that are loaded."""
        return list(self._loaded)

    @property
    def weights(self) -> dict[str, float]:
        """Weight of each that is in force."""
        return dict(self._weights)

    @property
    def used(self) -> dict[str, float]:
        """Weight of each that is in force, by its id and in that order."""
        return {self._loaded[name].lora.adapter_id: weight for name, weight in self._weights.items()}

    def load(self, name: str, lora: LoraFile) -> None:
        """Put an adapter beside the weights, not yet in force; float32, on the model's device.

        Args:
            name: by which it is called here.
            lora: the adapter.

        Raises:
            UsageError: the name is taken, or weights are fused.
            StaleError: it does not fit the model.
            MovaError: its numbers are not finite.
        """
        if name in self._loaded:
            raise UsageError(f"an adapter {name!r} is loaded already: delete it first, or give another name")
        self._refuse_fused("load another adapter")
        linear = {key: module for key, module in self._towers.named_modules() if _is_linear(module)}
        lora.check_fits({key: (module.out_features, module.in_features) for key, module in linear.items()}, "the model")
        tensors = {key: (alpha, down, up) for key, alpha, down, up in _tensors(lora)}  # all read before a layer is made
        layer_name = f"lora_{self._count}"
        pattern = "|".join(map(re.escape, lora.layers))
        # The sizes are those of the tensors below: here only the layers' places are made.
        config = LoraConfig(r=1, lora_alpha=1, target_modules=f"(?:{pattern})", inference_mode=True)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Already found a `peft_config`")  # several adapters are what is wanted
            inject_adapter_in_model(config, self._towers, layer_name, low_cpu_mem_usage=True)
        for key, (alpha, down, up) in tensors.items():
            layer = self._towers.get_submodule(key)
            assert isinstance(layer, LoraLinear)
            device = _weight(layer).device
            layer.lora_A[layer_name].weight = nn.Parameter(down.to(device), requires_grad=False)
            layer.lora_B[layer_name].weight = nn.Parameter(up.to(device), requires_grad=False)
            layer.r[layer_name], layer.lora_alpha[layer_name] = down.shape[0], alpha
        self._count += 1
        self._loaded[name] = _Loaded(lora, layer_name)
        self._towers.requires_grad_(False).eval()
        self._apply()

    def set(self, weights: Mapping[str, float]) -> None:
        """Say which adapters are in force, each with what weight; those not named are not.

        Raises:
            UsageError: a name that is not loaded, a weight that is no number, or weights are fused.
        """
        self._refuse_fused("set weights of adapters")
        for name, weight in weights.items():
            if name not in self._loaded:
                raise UsageError(f"no adapter {name!r} is loaded, expected one of {', '.join(self._loaded) or 'none'}")
            check_weight(name, weight)
        self._weights = dict(sorted(weights.items(), key=lambda item: self._loaded[item[0]].lora.adapter_id))
        self._apply()

    def delete(self, name: str) -> None:
        """Take one adapter out; without one, the model is as it was before the first. Errors as of `set`."""
        if name not in self._loaded:
            raise UsageError(f"no adapter {name!r} is loaded, expected one of {', '.join(self._loaded) or 'none'}")
        self._refuse_fused("delete an adapter")
        self.set({other: weight for other, weight in self._weights.items() if other != name})
        layer_name = self._loaded.pop(name).layer_name
        for key, layer in list(self._layers()):
            layer.delete_adapter(layer_name)
            if not layer.lora_A:
                self._towers.set_submodule(key, layer.get_base_layer())
        del self._towers.peft_config[layer_name]
        if not self._loaded:
            del self._towers.peft_config

    def fuse(self) -> None:
        """Add what the adapters in force do to the weights themselves; UsageError where they are fused already."""
        self._refuse_fused("fuse again")
        for key, layer, present in self._in_force():
            self._before[key] = _weight(layer).detach().to("cpu", copy=True)
            _add(layer, present)
            layer.merged_adapters = present

    def unfuse(self) -> None:
        """Bring the weights back bit for bit; the adapters stay in force beside them. Nothing where none is fused."""
        for key, layer in self._layers():
            if (before := self._before.pop(key, None)) is not None:
                weight = _weight(layer)
                weight.data = before.to(weight.device)
                layer.merged_adapters = []

    def unload(self) -> None:
        """Take all adapters out: the model is, bit for bit, as it was before the first."""
        self.unfuse()
        for name in self.names:
            self.delete(name)

    def keep_fused(self) -> None:
        """Fuse for good: nothing is kept of the weights before, nor of the adapters, so a model can be written."""
        self._refuse_fused("fuse again")
        for _, layer, present in self._in_force():
            _add(layer, present)
        for key, layer in list(self._layers()):
            self._towers.set_submodule(key, layer.get_base_layer())
        if self._loaded:
            del self._towers.peft_config
        self._loaded, self._weights = {}, {}

    def _apply(self) -> None:
        """Tell the layers which adapters are in force."""
        active = {self._loaded[name].layer_name: weight for name, weight in self._weights.items()}
        for _, layer in self._layers():
            layer.set_adapter([name for name in active if name in layer.lora_A], inference_mode=True)
            for name in layer.active_adapters:
                layer.set_scale(name, active[name])

    def _in_force(self) -> Iterator[tuple[str, LoraLinear, list[str]]]:
        """Each layer that an adapter in force changes, and which do, in the order of their ids."""
        names = [self._loaded[name].layer_name for name in self._weights]
        for key, layer in self._layers():
            if present := [name for name in names if name in layer.lora_A]:
                yield key, layer, present

    def _layers(self) -> Iterator[tuple[str, LoraLinear]]:
        return ((key, module) for key, module in self._towers.named_modules() if isinstance(module, LoraLinear))

    def _refuse_fused(self, what: str) -> None:
        if self._before:
            raise UsageError(f"adapters are fused with the weights: unfuse them before you {what}")


def _add(layer: LoraLinear, names: Sequence[str]) -> None:
    """Add what these adapters do to a layer's weights: one sum, rounded to their dtype once."""
    weight = _weight(layer)
    total = weight.data.float()
    for name in names:
        total = total + layer.get_delta_weight(name)
    weight.data = total.to(weight.dtype)


def _weight(layer: LoraLinear) -> nn.Parameter:
    return cast(nn.Parameter, layer.get_base_layer().weight)


def _is_linear(module: nn.Module) -> bool:
    return isinstance(module, (nn.Linear, LoraLinear))


def _tensors(lora: LoraFile) -> Iterator[tuple[str, float, Tensor, Tensor]]:
    """Of each layer its alpha, A and B in float32; MovaError where one is not finite."""
    with safe_open(lora.weights, framework="pt") as file:
        for name, layer in lora.layers.items():
            down, up = (file.get_tensor(key).float() for key in (layer.keys.down, layer.keys.up))
            stated = float(layer.rank) if layer.alpha is None else layer.alpha
            alpha = stated if layer.keys.alpha is None else float(file.get_tensor(layer.keys.alpha))
            for key, numbers in ((layer.keys.down, down), (layer.keys.up, up), (layer.keys.alpha, torch.tensor(alpha))):
                if not bool(numbers.isfinite().all()):
                    raise MovaError(f"{lora.path}: {key} holds NaN or infinity: fetch it again, or train it again")
            yield name, alpha, down, up
