"""Keys of LoRA files, ours and foreign, as pairs of matrices of the model's own linear layers.

    COMPONENT.MODULE.lora_A.weight, ….lora_A.NAME.weight     the public system's files, and peft's
    COMPONENT.MODULE.lora_down.weight, ….alpha               kohya's matrices
    transformer.MODULE.…, transformer_2.MODULE.…             the video experts as diffusers calls Wan's two transformers
    base_model.model.…                                       what peft writes before all keys
MODULE is as the released weights call it (`blocks.0.self_attn.q`) or as diffusers does (`blocks.0.attn1.to_q`).
Source of diffusers' names: its conversion of Wan's LoRA files.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from mova_core.errors import StaleError

MATRIX = re.compile(r"(?P<layer>.+)\.lora_(?:(?P<down>A|down)|(?P<up>B|up))(?:\.[^.]+)?\.weight")
ALPHA = re.compile(r"(?P<layer>.+)\.alpha")
PREFIX = re.compile(r"^base_model\.model\.")
COMPONENTS = {"transformer": "video_dit", "transformer_2": "video_dit_2"}
MODULES = (
    (re.compile(r"\.attn1\.to_([qkv])$"), r".self_attn.\1"),
    (re.compile(r"\.attn2\.to_([qkv])$"), r".cross_attn.\1"),
    (re.compile(r"\.attn1\.to_out\.0$"), ".self_attn.o"),
    (re.compile(r"\.attn2\.to_out\.0$"), ".cross_attn.o"),
    (re.compile(r"\.ffn\.net\.0\.proj$"), ".ffn.0"),
    (re.compile(r"\.ffn\.net\.2$"), ".ffn.2"),
)
KEYS_SHOWN = 3


@dataclass(slots=True)
class LayerKeys:
    """Keys of the file that belong to one linear layer.

    Args:
        down: of A, [rank, in].
        up: of B, [out, rank].
        alpha: of the layer's own alpha, where it has one.
        others: further keys for what one of these is for already.
    """

    down: str = ""
    up: str = ""
    alpha: str | None = None
    others: list[str] = field(default_factory=list)


def layer_keys(keys: Iterable[str], name: str) -> dict[str, LayerKeys]:
    """The keys of a file by the layer that they belong to, named as in the model.

    Args:
        keys: of the file.
        name: of the file, for an error.

    Raises:
        StaleError: a key of no known form, given twice under two names, or without its pair.
    """
    layers: dict[str, LayerKeys] = {}
    unknown = []
    for key in sorted(keys):
        found, alpha = MATRIX.fullmatch(key), ALPHA.fullmatch(key)
        if found is None and alpha is None:
            unknown.append(key)
            continue
        layer = layers.setdefault(_layer((found or alpha)["layer"]), LayerKeys())  # type: ignore[index]
        what = "alpha" if found is None else "down" if found["down"] else "up"
        if getattr(layer, what):
            layer.others.append(key)
        setattr(layer, what, key)
    if unknown:
        raise StaleError(
            f"{name} holds {_shown(unknown)}, expected LoRA matrices alone, such as "
            "video_dit.blocks.0.self_attn.q.lora_A.weight: it is of another kind, or damaged"
        )
    for layer_name, of_layer in layers.items():
        if of_layer.others:
            raise StaleError(f"{name} holds {layer_name} twice ({of_layer.others[0]}): it mixes two adapters")
        if not of_layer.down or not of_layer.up:
            lacking = "lora_A (or lora_down)" if not of_layer.down else "lora_B (or lora_up)"
            raise StaleError(f"{name} has no {lacking} of {layer_name}, but another key of it: fetch it again")
    if not layers:
        raise StaleError(f"{name} holds no tensor, expected LoRA matrices: fetch it again")
    return layers


def _layer(name: str) -> str:
    """A layer's name in the model."""
    component, _, module = PREFIX.sub("", name).partition(".")
    for pattern, ours in MODULES:
        module = pattern.sub(ours, f".{module}").removeprefix(".")
    return f"{COMPONENTS.get(component, component)}.{module}"


def _shown(keys: list[str]) -> str:
    more = f" and {len(keys) - KEYS_SHOWN} more" if len(keys) > KEYS_SHOWN else ""
    return f"{len(keys)} unknown key{'s' * (len(keys) > 1)} ({', '.join(keys[:KEYS_SHOWN])}{more})"
