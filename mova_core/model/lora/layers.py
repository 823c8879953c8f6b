"""LoRA layers of peft in towers and Bridge: put in, filled, merged.

A linear layer y = W x + b becomes y = W x + b + (alpha / rank) B A x. peft replaces the layer by one that holds it as
`base_layer`, beside `lora_A.default` and `lora_B.default`; only these two learn.
Source: arXiv:2106.09685; keys of files: `adapter.py`.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import Linear as LoraLinear
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from mova_core.errors import MovaError, StaleError, UsageError
from mova_core.model.lora.adapter import CONFIG_FILE, WEIGHTS_FILE, Adapter, AdapterManifest, config_text
from mova_core.model.pretrained.component import WEIGHTS_METADATA
from mova_core.model.pretrained.index import read_json
from mova_core.params.model import LoraParams
from mova_core.storage.atomic import write_text
from mova_core.storage.atomic_folder import atomic_folder
from mova_core.storage.manifest import MANIFEST_FILE, file_entries, write_manifest

NAME = "default"  # of the one adapter that a model has
MATRIX = re.compile(r"\.(lora_[AB])\.default\.")


def attach(model: nn.Module, fields: Mapping[str, Any]) -> None:
    """Put LoRA layers into a model; their weights are on the meta device, all others no longer learn.

    Args:
        model: towers and Bridge, or a blueprint of them.
        fields: of peft's `LoraConfig`, see `config_fields`.

    Raises:
        UsageError: no layer of the model has such a name.
    """
    try:
        inject_adapter_in_model(LoraConfig(**fields), model, NAME, low_cpu_mem_usage=True)
    except ValueError as error:
        raise UsageError(f"no layer of the model can be adapted ({error}): see train.lora.modules") from None


def adapter_parameters(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """The parameters of LoRA layers, by their keys in an adapter's file."""
    for name, parameter in model.named_parameters():
        if is_adapter(name):
            yield file_key(name), parameter


def is_adapter(name: str) -> bool:
    """Whether a parameter of that name is a LoRA layer's own."""
    return MATRIX.search(name) is not None


def file_key(name: str) -> str:
    """The key in an adapter's file of a LoRA layer's parameter."""
    return MATRIX.sub(r".\1.", name)


def base_name(name: str) -> str:
    """The name that a parameter of the base has without LoRA layers."""
    return name.replace(".base_layer.", ".")


def load_adapter(model: nn.Module, adapter: Adapter) -> None:
    """Put an adapter beside the weights of a model that computes, in float32, on the model's device.

    Raises:
        StaleError: it does not fit the model.
        MovaError: its numbers are not finite.
    """
    fields = read_json(adapter.folder / CONFIG_FILE)
    fields.pop("peft_type")
    device = next(model.parameters()).device
    attach(model, fields)
    with safe_open(adapter.folder / WEIGHTS_FILE, framework="pt") as file:
        stored = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - it is no mapping
    _check_fits(adapter, stored, {key: tuple(parameter.shape) for key, parameter in adapter_parameters(model)})
    values = {name: stored[file_key(name)].to(device) for name, _ in model.named_parameters() if is_adapter(name)}
    model.load_state_dict(values, strict=False, assign=True)
    model.requires_grad_(False).eval()


def save_adapter(folder: Path, tensors: Mapping[str, Tensor], params: LoraParams, manifest: AdapterManifest) -> None:
    """Write an adapter's folder, whole or not at all, in place of one that is there.

    Args:
        folder: where to.
        tensors: of the LoRA layers, by their keys in the file.
        params: what it was trained with.
        manifest: what is to stand in it, but for the files.
    """
    with atomic_folder(folder, replace=True) as temporary:
        save_file(dict(tensors), temporary / WEIGHTS_FILE, metadata=WEIGHTS_METADATA)
        write_text(temporary / CONFIG_FILE, config_text(params))
        files = file_entries(temporary)
        write_manifest(temporary / MANIFEST_FILE, manifest.model_copy(update={"files": files}))


def merge(model: nn.Module) -> None:
    """Add what the LoRA layers do to the weights beside them, in the weights' dtype, and take the layers out."""
    layers = [(name, module) for name, module in model.named_modules() if isinstance(module, LoraLinear)]
    for name, layer in layers:
        layer.merge()
        model.set_submodule(name, layer.get_base_layer())
    del model.peft_config


def _check_fits(adapter: Adapter, stored: Mapping[str, Tensor], needed: Mapping[str, tuple[int, ...]]) -> None:
    if different := sorted(stored.keys() ^ needed.keys()):
        where = "the model has no such layer" if different[0] in stored else "the file has no such tensor"
        raise StaleError(f"{adapter.folder} does not fit the model: {different[0]}, and {where}: train it again")
    for key, tensor in stored.items():
        if tuple(tensor.shape) != needed[key]:
            raise StaleError(
                f"{adapter.folder}: {key} has shape {tuple(tensor.shape)}, the model's is {needed[key]}: it belongs to "
                "another model"
            )
        if not bool(tensor.isfinite().all()):
            raise MovaError(f"{adapter.folder}: {key} holds NaN or infinity: train it again")
