"""A LoRA adapter to generate with, ours or a foreign one, looked at without torch.

Ours (`adapter.py`) has a manifest: its bytes are compared with it, and it is refused beside other weights than it was
trained on. A foreign one is a safetensors file, alone or in a folder, in any layout of `keys.py`. Of it is checked that
every key belongs to a layer of the model, that the sizes fit, and, when it is loaded, that its numbers are finite; not
which weights it was trained on, for nothing says so.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mova_core.errors import StaleError, UsageError
from mova_core.model.lora.adapter import CONFIG_FILE, ID_DIGITS, WEIGHTS_FILE, Adapter
from mova_core.model.lora.keys import LayerKeys, layer_keys
from mova_core.model.pretrained.index import PICKLES, TOWER_COMPONENTS, read_json
from mova_core.places import ADAPTERS
from mova_core.storage.hashing import sha256_file, sha256_json
from mova_core.storage.manifest import MANIFEST_FILE
from mova_core.storage.safetensors_header import Header, read_header

FOLDER_NAMES = (WEIGHTS_FILE, "pytorch_lora_weights.safetensors")  # peft's and diffusers' names
DTYPES = ("F64", "F32", "F16", "BF16")
DIFFUSERS_METADATA = "lora_adapter_metadata"  # JSON: fields of peft's config, each behind its component's name
# Fields of peft's config under which an adapter means something else than alpha / rank times B A x.
OTHER_KINDS = ("use_rslora", "use_dora", "lora_bias", "alpha_pattern", "modules_to_save")

MOST_WEIGHT = 100.0

Shapes = Mapping[str, tuple[int, int]]
"""(out, in) of each linear layer of a model, by its name in towers and Bridge."""


@dataclass(frozen=True, slots=True)
class LoraLayer:
    """What an adapter adds to one linear layer: alpha / rank times B A x.

    Args:
        keys: of the file.
        rank: rows of A.
        shape: (out, in) of the layer.
        alpha: one number for the layer; None: the key says which.
    """

    keys: LayerKeys
    rank: int
    shape: tuple[int, int]
    alpha: float | None


@dataclass(frozen=True, slots=True)
class LoraFile:
    """An adapter on disk.

    Args:
        path: as it was named, a folder or a file.
        weights: its safetensors file.
        adapter_id: first digits of a sha256: of the manifest of ours, of the file (and its config, if it has one) of a
            foreign one.
        layers: by name in the model.
        own: of ours, what its manifest says.
    """

    path: Path
    weights: Path
    adapter_id: str
    layers: Mapping[str, LoraLayer]
    own: Adapter | None = None

    @classmethod
    def read(cls, path: Path) -> "LoraFile":
        """An adapter by its folder or file.

        Raises:
            UsageError: no adapter lies there, or it is a pickle.
            StaleError: it is damaged, or of a kind that is not known.
        """
        own = Adapter.read(path) if (path / MANIFEST_FILE).is_file() else None
        weights = path / WEIGHTS_FILE if own is not None else _weights(path)
        header, config = read_header(weights), _config(weights)
        if other := next((name for name in OTHER_KINDS if config.get(name)), None):
            raise StaleError(
                f"{weights.parent / CONFIG_FILE} has {other}, which is not known here: expected plain LoRA"
            )
        digest = "" if own is not None else sha256_file(weights)
        if own is None and config:
            digest = sha256_json(digest, config)
        layers = dict(_layers(header, config, weights))
        return cls(path, weights, own.adapter_id if own is not None else digest[:ID_DIGITS], layers, own)

    @classmethod
    def of_model(cls, path: Path, model: Path) -> "LoraFile":
        """An adapter of the model in a folder; errors as of `read`, `check_fits` and, of ours, `Adapter.check_base`."""
        lora = cls.read(path)
        lora.check_fits(linear_shapes(model), str(model))
        if lora.own is not None:
            lora.own.check_base(model)
        return lora

    @property
    def trained_on(self) -> list[str]:
        """Phrases of the captions that it was trained on, as far as it says."""
        return [] if self.own is None else self.own.manifest.trained_on

    @property
    def warnings(self) -> list[str]:
        """What is not known of it, a sentence each."""
        if self.own is not None:
            return []
        said = [f"{self.path} has no manifest: its keys and sizes fit, which weights it was trained on is not known"]
        if any(layer.alpha is None and layer.keys.alpha is None for layer in self.layers.values()):
            said.append(f"{self.path} states no alpha: taken as its rank, so that its strength is 1")
        return said

    def check_fits(self, shapes: Shapes, model: str) -> None:
        """StaleError unless each of its layers is one of the model, of the same size.

        Args:
            shapes: of the model.
            model: what it is called in the error.
        """
        if unknown := sorted(self.layers.keys() - shapes.keys()):
            more = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
            raise StaleError(
                f"{self.path} does not fit {model}: it adapts {unknown[0]}{more}, and the model has no such layer"
            )
        for name, layer in self.layers.items():
            if layer.shape != shapes[name]:
                raise StaleError(
                    f"{self.path} does not fit {model}: {name} has {_sized(layer.shape)} there, {_sized(shapes[name])} "
                    "in the model: it belongs to a model of another size"
                )


@dataclass(frozen=True, slots=True)
class WeightedLora:
    """An adapter to be used.

    Args:
        file: the adapter.
        weight: by which its effect is multiplied.
    """

    file: LoraFile
    weight: float = 1.0

    @classmethod
    def all_of_model(cls, wanted: Sequence[tuple[Path, float]], model: Path) -> "tuple[WeightedLora, ...]":
        """Adapters of the model in a folder by path and weight, in the order of their ids.

        Raises:
            UsageError: one is named twice, or a weight has no effect; and as `LoraFile.read`.
            StaleError: as `LoraFile.of_model`.
        """
        for path, weight in wanted:
            check_weight(str(path), weight)
        loras = [cls(LoraFile.of_model(path, model), weight) for path, weight in wanted]
        ids = [lora.file.adapter_id for lora in loras]
        if twice := next((lora.file.path for lora in loras if ids.count(lora.file.adapter_id) > 1), None):
            raise UsageError(
                f"LoRA adapter {twice} is given twice: expected each once, with the weight that it shall have"
            )
        return tuple(sorted(loras, key=lambda lora: lora.file.adapter_id))


def parse_wanted(word: str) -> tuple[Path, float]:
    """`PATH` or `PATH=WEIGHT` of a command line."""
    path, equals, weight = word.rpartition("=")
    try:
        return (Path(path), float(weight)) if equals else (Path(word), 1.0)
    except ValueError:
        return Path(word), 1.0  # a path with an equals sign in it


def check_weight(name: str, weight: float) -> None:
    """UsageError unless a weight is a number that has an effect; a negative one takes away what the adapter adds."""
    if not 0 < abs(weight) <= MOST_WEIGHT:
        raise UsageError(
            f"the weight of adapter {name} is {weight:g}, expected a number from -{MOST_WEIGHT:g} to {MOST_WEIGHT:g} "
            "that is not 0: one without an effect is left out"
        )


def linear_shapes(model: Path) -> dict[str, tuple[int, int]]:
    """(out, in) of each linear layer of the towers and the Bridge of a model folder; StaleError for a damaged file."""
    shapes = {}
    for component in TOWER_COMPONENTS:
        for path in sorted((model / component).glob("*.safetensors")):
            for key, entry in read_header(path).tensors.items():
                if key.endswith(".weight") and len(entry.shape) == 2:
                    shapes[f"{component}.{key.removesuffix('.weight')}"] = (entry.shape[0], entry.shape[1])
    return shapes


def _weights(path: Path) -> Path:
    """The safetensors file of a foreign adapter."""
    expected = f"expected a folder that `mova train --lora` made, such as {ADAPTERS}/NAME, or a safetensors file"
    if path.suffix.lower() in PICKLES:
        raise UsageError(
            f"{path} is a pickle, which can run code when read: only safetensors are taken; load it with "
            "torch.load(…, weights_only=True) and save it by safetensors.torch.save_file"
        )
    if path.is_file():
        return path
    if not path.is_dir():
        raise UsageError(f"{path} is no LoRA adapter: it is missing; {expected}")
    found = sorted(path.glob("*.safetensors"))
    named = [path / name for name in FOLDER_NAMES if path / name in found]
    if not named and len(found) != 1:
        pickles = [file for file in sorted(path.iterdir()) if file.suffix.lower() in PICKLES]
        if pickles and not found:
            return _weights(pickles[0])  # the sentence about pickles
        holds = f"{len(found)} safetensors files" if found else f"neither {MANIFEST_FILE} nor a safetensors file"
        raise UsageError(f"{path} is no LoRA adapter: it holds {holds}; {expected}")
    return named[0] if named else found[0]


def _config(weights: Path) -> dict[str, Any]:
    """Peft's config beside a file, or an empty one."""
    path = weights.parent / CONFIG_FILE
    return read_json(path) if path.is_file() else {}


def _layers(header: Header, config: Mapping[str, Any], weights: Path) -> Iterator[tuple[str, LoraLayer]]:
    common = _alphas(header, config, weights)
    for name, keys in layer_keys(header.tensors, str(weights)).items():
        down, up = header.tensors[keys.down], header.tensors[keys.up]
        if len(down.shape) != 2 or len(up.shape) != 2 or down.shape[0] != up.shape[1] or 0 in down.shape:
            raise StaleError(
                f"{weights}: {keys.down} has shape {down.shape} and {keys.up} {up.shape}, expected [rank, in] and "
                "[out, rank] of a linear layer"
            )
        if wrong := next((entry.dtype for entry in (down, up) if entry.dtype not in DTYPES), None):
            raise StaleError(f"{weights}: {name} is stored as {wrong}, expected one of {', '.join(DTYPES)}")
        alpha = None if keys.alpha is not None else common.get(keys.down.partition(".")[0], common.get(""))
        yield name, LoraLayer(keys, down.shape[0], (up.shape[0], down.shape[1]), alpha)


def _alphas(header: Header, config: Mapping[str, Any], weights: Path) -> dict[str, float]:
    """Alpha by the component as the file calls it, "" for all: of peft's config, or of what diffusers writes."""
    stated: dict[str, Any] = {"": config["lora_alpha"]} if "lora_alpha" in config else {}
    try:
        fields: dict[str, Any] = json.loads(header.metadata.get(DIFFUSERS_METADATA, "{}"))
        for key, value in fields.items():
            component, _, name = key.rpartition(".")
            if name in OTHER_KINDS and value:
                raise ValueError(f"{key} is not known here")
            if name == "lora_alpha":
                stated[component] = value
        alphas = {component: float(value) for component, value in stated.items()}
        if wrong := [value for value in alphas.values() if not math.isfinite(value)]:
            raise ValueError(f"alpha is {wrong[0]}")
    except (ValueError, TypeError, AttributeError) as error:
        raise StaleError(f"{weights} states an alpha that cannot be read ({error}): expected plain LoRA") from None
    return alphas


def _sized(shape: tuple[int, int]) -> str:
    return f"{shape[1]} inputs and {shape[0]} outputs"
