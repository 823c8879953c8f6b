"""Writes the weights of a component as in released folders, never the whole component in memory."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from huggingface_hub import split_torch_state_dict_into_shards
from safetensors.torch import save_file
from torch import Tensor

from mova_core.model.pretrained.component import ONE_FILE_BYTES, WEIGHTS_FILE, WEIGHTS_METADATA

Read = Callable[[Sequence[str]], Mapping[str, Tensor]]
"""Gives the tensors of these names."""


def one_by_one(weights: Callable[[str], Tensor]) -> Read:
    """A reader of what gives one tensor by its name."""
    return lambda names: {name: weights(name) for name in names}


def write_weights(folder: Path, sizes: Mapping[str, Tensor], read: Read, shard_bytes: int = ONE_FILE_BYTES) -> None:
    """Write one file, or more than `shard_bytes` as shards with diffusers' index; one file at a time is in memory.

    Args:
        folder: of the component; it is there.
        sizes: tensors on the meta device, by name within the component.
        read: gives them.
        shard_bytes: size at most of a file; a larger tensor has a file of its own.
    """
    pattern = WEIGHTS_FILE.replace(".safetensors", "{suffix}.safetensors")
    split = split_torch_state_dict_into_shards(
        dict(sorted(sizes.items())), filename_pattern=pattern, max_shard_size=shard_bytes
    )
    for file, names in split.filename_to_tensors.items():
        save_file(dict(read(names)), folder / file, metadata=WEIGHTS_METADATA)
    if split.is_sharded:
        index = {"metadata": split.metadata, "weight_map": split.tensor_to_filename}
        text = json.dumps(index, indent=2, sort_keys=True) + "\n"
        (folder / f"{WEIGHTS_FILE}.index.json").write_text(text, encoding="utf-8")
