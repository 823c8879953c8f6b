"""The weights of a checkpoint as component folders of the released layout, never the whole model in memory."""

import json
import shutil
from pathlib import Path

import torch
from huggingface_hub import split_torch_state_dict_into_shards
from safetensors.torch import save_file
from torch import Tensor

from mova_core.model.pretrained.component import ONE_FILE_BYTES, WEIGHTS_FILE, WEIGHTS_METADATA
from mova_core.training.checkpoints.checkpoint import Checkpoint
from mova_core.training.checkpoints.reader import CheckpointReader

CONFIG_FILE = "config.json"


def write_components(checkpoint: Checkpoint, kind: str, folder: Path, shard_bytes: int = ONE_FILE_BYTES) -> None:
    """Write the components of a checkpoint into a model folder that is being made, one file in memory at a time.

    Args:
        checkpoint: read and verified.
        kind: "ema" for the averaged weights, "model" for those that learn.
        folder: of the model.
        shard_bytes: size at most of a file; more is written as shards with diffusers' index.
    """
    reader = CheckpointReader(checkpoint)
    for config in sorted(checkpoint.folder.glob(f"*/{CONFIG_FILE}")):
        component = config.parent.name
        (folder / component).mkdir(parents=True)
        shutil.copyfile(config, folder / component / CONFIG_FILE)
        _write_weights(reader, f"{kind}.{component}.", folder / component, shard_bytes)


def _write_weights(reader: CheckpointReader, prefix: str, folder: Path, shard_bytes: int) -> None:
    sizes = {
        name.removeprefix(prefix): torch.empty(stored.size, dtype=stored.properties.dtype, device="meta")
        for name, stored in sorted(reader.stored.items())
        if name.startswith(prefix)
    }
    pattern = WEIGHTS_FILE.replace(".safetensors", "{suffix}.safetensors")
    split = split_torch_state_dict_into_shards(sizes, filename_pattern=pattern, max_shard_size=shard_bytes)
    for file, names in split.filename_to_tensors.items():
        tensors = {name: torch.empty_like(sizes[name], device="cpu") for name in names}
        whole: dict[str, Tensor] = {prefix + name: tensor for name, tensor in tensors.items()}
        reader.into(whole, alone=True)
        save_file(tensors, folder / file, metadata=WEIGHTS_METADATA)
    if split.is_sharded:
        index = {"metadata": split.metadata, "weight_map": split.tensor_to_filename}
        text = json.dumps(index, indent=2, sort_keys=True) + "\n"
        (folder / f"{WEIGHTS_FILE}.index.json").write_text(text, encoding="utf-8")
