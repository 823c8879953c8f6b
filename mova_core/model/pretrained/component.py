"""One component of a model folder on disk: `config.json` and safetensors weights, in one file or in shards.

diffusers reads and writes them. This module adds four rules: only local folders, never a pickle, the file's dtype is
kept, and every weight must match the config (diffusers alone would leave missing weights at random values).
Config fields that a class does not know are kept as they are and written again.
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from mova_core.errors import StaleError, UsageError
from mova_core.model.pretrained.diffusers_import import ConfigMixin, ModelMixin
from mova_core.model.pretrained.index import refuse_pickles

DTYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
KEYS_SHOWN = 3  # in an error's sentence
WEIGHTS_FILE = "diffusion_pytorch_model.safetensors"
WEIGHTS_METADATA = {"format": "pt"}  # of every weights file
ONE_FILE_BYTES = 10 * 10**9  # more is written in shards

Model = TypeVar("Model", bound=ModelMixin)


class Component(ModelMixin, ConfigMixin):
    """Base of every model class of ours: `from_pretrained` reads a released component folder."""

    config_name: Any = "config.json"
    gradient_checkpointing = False

    @classmethod
    def from_pretrained(cls, folder: str | Path, **options: Any) -> Any:
        """The model in a component folder, in evaluation mode and, unless `torch_dtype` says otherwise, in its dtype.

        Raises:
            UsageError: no such folder, no weights, a pickle among them, or a config of another kind of model.
            StaleError: weights that do not fit the config.
        """
        return read_component(super().from_pretrained, Path(folder), **options)

    def save_pretrained(self, folder: str | Path, **options: Any) -> None:
        """Write config and safetensors weights, in shards of at most 10 GB; never into the folder it was read from."""
        tensors = {name: tensor.contiguous() for name, tensor in self.state_dict().items()}
        if options or sum(tensor.nbytes for tensor in tensors.values()) > ONE_FILE_BYTES:
            super().save_pretrained(folder, **options)
        else:  # the same files without diffusers' hooks, whose import costs each process that saves 4 s
            Path(folder).mkdir(parents=True, exist_ok=True)
            save_file(tensors, Path(folder) / WEIGHTS_FILE, metadata=WEIGHTS_METADATA)
        self.write_config(Path(folder))

    def run_part(self, part: nn.Module, *args: Any) -> Any:
        """Call one of its modules; where gradient checkpointing is on, the backward pass computes it again."""
        if self.gradient_checkpointing and torch.is_grad_enabled():
            return self._gradient_checkpointing_func(part, *args)
        return part(*args)

    def write_config(self, folder: Path) -> None:
        """Write `config.json` alone; the class that it names is ours, also where a layout of training wraps it."""
        values = json.loads(self.to_json_string())
        values.pop("_name_or_path", None)
        ours = (kind for kind in type(self).__mro__ if not kind.__module__.startswith("torch."))
        values["_class_name"] = next(ours).__name__
        folder.mkdir(parents=True, exist_ok=True)
        (folder / self.config_name).write_text(json.dumps(values, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def read_component(from_pretrained: Any, folder: Path, **options: Any) -> Any:
    """Call a diffusers class's `from_pretrained` safely (see the module).

    Args:
        from_pretrained: the class's method.
        folder: a component folder.
        options: handed on; `torch_dtype` defaults to the dtype of the file.

    Raises:
        UsageError, StaleError: see `Component.from_pretrained`.
    """
    tensors = stored_tensors(folder)
    options.setdefault("torch_dtype", _common_dtype(dtype for dtype, _ in tensors.values()))
    try:
        model, info = from_pretrained(folder, use_safetensors=True, output_loading_info=True, **options)
    except (TypeError, ValueError, RuntimeError, OSError) as error:
        raise StaleError(f"{folder} cannot be read: {' '.join(str(error).split())[:300]}") from None
    _refuse_keys(folder, {what: info[f"{what}_keys"] for what in ("missing", "unexpected", "mismatched")})
    for tensor in (*model.parameters(), *model.buffers()):
        # Memory of its own in place of a mapped file: aligned, so that the same weights give the same bits wherever
        # they came from, and safe from whatever happens to the file.
        tensor.data = tensor.data.clone()
    return model


def check_stored(folder: Path, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """StaleError unless a component folder holds the parameters of a model, each of its shape; UsageError as below."""
    stored = {key: shape for key, (_, shape) in stored_tensors(folder).items()}
    mismatched = (key for key in stored.keys() & shapes.keys() if stored[key] != tuple(shapes[key]))
    missing, unexpected = shapes.keys() - stored.keys(), stored.keys() - shapes.keys()
    _refuse_keys(folder, {"missing": missing, "unexpected": unexpected, "mismatched": mismatched})


def files_by_key(folder: Path) -> dict[str, Path]:
    """The safetensors file that holds each tensor of a component folder; errors as `stored_tensors`."""
    return {key: path for path, tensors in _stored(folder) for key in tensors}


def stored_tensors(folder: Path) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Dtype (as safetensors names it) and shape of every stored tensor of a component folder, by key.

    Raises:
        UsageError: no such folder, no safetensors in it, or a pickle.
        StaleError: a file that is damaged or, of a sharded set, missing.
    """
    return {key: found for _, tensors in _stored(folder) for key, found in tensors.items()}


def count_parameters(folder: Path) -> int:
    """Numbers in a component folder; errors as `stored_tensors`."""
    return sum(math.prod(shape) for _, shape in stored_tensors(folder).values())


def _stored(folder: Path) -> Iterator[tuple[Path, dict[str, tuple[str, tuple[int, ...]]]]]:
    """Each file, and what it holds."""
    if not (folder / "config.json").is_file():
        raise UsageError(f"{folder}/config.json is missing: expected a folder of one component of a model")
    refuse_pickles(folder)
    for path in _weight_files(folder):
        try:
            with safe_open(path, framework="pt") as file:
                pieces = {key: file.get_slice(key) for key in file.keys()}  # noqa: SIM118 - it is no mapping
                yield path, {key: (piece.get_dtype(), tuple(piece.get_shape())) for key, piece in pieces.items()}
        except FileNotFoundError:
            raise StaleError(f"{path} is missing, but the index beside it names it: fetch it again") from None
        except (SafetensorError, OSError) as error:
            raise StaleError(f"{path} is not a readable safetensors file ({error}): fetch it again") from None


def _refuse_keys(folder: Path, wrong: Mapping[str, Iterable[object]]) -> None:
    for what, found in wrong.items():
        if keys := sorted(map(str, found)):
            shown = ", ".join(keys[:KEYS_SHOWN]) + (", …" if len(keys) > KEYS_SHOWN else "")
            raise StaleError(
                f"{folder}: {len(keys)} {what} keys between the weights and config.json ({shown}): "
                "the folder mixes two models, or a file is damaged"
            )


def _weight_files(folder: Path) -> list[Path]:
    indexes = sorted(folder.glob("*.safetensors.index.json"))
    if not indexes:
        files = sorted(folder.glob("*.safetensors"))
        if not files:
            raise UsageError(f"{folder} holds no safetensors weights: they are the only ones that are read")
        return files
    try:
        shards = set(json.loads(indexes[0].read_text(encoding="utf-8"))["weight_map"].values())
    except (ValueError, KeyError, AttributeError):
        raise StaleError(f"{indexes[0]} is not an index of safetensors shards: fetch it again") from None
    if outside := sorted(shard for shard in shards if Path(shard).name != shard):
        raise UsageError(f"{indexes[0]} names {outside[0]!r}, expected plain file names beside it")
    return [folder / shard for shard in sorted(shards)]


def _common_dtype(names: Iterable[str]) -> torch.dtype | None:
    dtypes = {DTYPES[name] for name in names if name in DTYPES}
    return dtypes.pop() if len(dtypes) == 1 else None
