"""LoRA layers of peft in towers and Bridge as they are trained, and the file that is written of them.

A linear layer y = W x + b becomes y = W x + b + (alpha / rank) B A x. peft replaces the layer by one that holds it as
`base_layer`, beside `lora_A.default` and `lora_B.default`; only these two learn.
Source: arXiv:2106.09685; keys of files: `adapter.py`.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from peft import LoraConfig, inject_adapter_in_model
from safetensors.torch import save_file
from torch import Tensor, nn

from mova_core.errors import UsageError
from mova_core.model.lora.adapter import CONFIG_FILE, WEIGHTS_FILE, AdapterManifest, config_text
from mova_core.model.pretrained.component import WEIGHTS_METADATA
from mova_core.params.model import LoraParams
from mova_core.storage.atomic import write_text
from mova_core.storage.atomic_folder import atomic_folder
from mova_core.storage.manifest import MANIFEST_FILE, file_entries, write_manifest

NAME = "default"  # of the one adapter that is trained
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
