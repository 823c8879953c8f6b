"""The weights of a checkpoint as component folders of the released layout, never the whole model in memory."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from mova_core.model.pretrained.component import ONE_FILE_BYTES
from mova_core.model.weights.write import write_weights
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
        weights = _Weights(reader, f"{kind}.{component}.")
        write_weights(folder / component, weights.sizes, weights, shard_bytes)


class _Weights:
    """Those of one component and kind; `sizes` are on the meta device."""

    def __init__(self, reader: CheckpointReader, prefix: str) -> None:
        self._reader, self._prefix = reader, prefix
        self.sizes = {
            name.removeprefix(prefix): torch.empty(stored.size, dtype=stored.properties.dtype, device="meta")
            for name, stored in reader.stored.items()
            if name.startswith(prefix)
        }

    def __call__(self, names: Sequence[str]) -> Mapping[str, Tensor]:
        tensors = {name: torch.empty_like(self.sizes[name], device="cpu") for name in names}
        self._reader.into({self._prefix + name: tensor for name, tensor in tensors.items()}, alone=True)
        return tensors
