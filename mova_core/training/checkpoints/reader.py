"""Reads a checkpoint by `torch.distributed.checkpoint`: each process its own parts, however many processes wrote it.

What there is to read is known from the headers of the safetensors files; nothing is unpickled.
"""

import torch
from torch import Tensor
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader
from torch.distributed.checkpoint.metadata import Metadata, TensorStorageMetadata
from torch.distributed.checkpoint.state_dict_loader import load

from mova_core.errors import StaleError
from mova_core.training.checkpoints.checkpoint import Checkpoint, remedy
from mova_core.training.checkpoints.single_process import single_process_is_meant
from mova_core.training.strategy.base import Strategy


class CheckpointReader(HuggingFaceStorageReader):
    """Torch's reader, which reads the headers once instead of at every call."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        super().__init__(str(checkpoint.folder))
        self._checkpoint = checkpoint
        self._read: Metadata | None = None

    def read_metadata(self) -> Metadata:
        if self._read is None:
            self._read = super().read_metadata()
        return self._read

    @property
    def stored(self) -> dict[str, TensorStorageMetadata]:
        """Size and dtype of every tensor, by name."""
        return self.read_metadata().state_dict_metadata  # type: ignore[return-value]

    def into(self, state: dict[str, Tensor], *, alone: bool = False) -> None:
        """Fill these tensors; of a DTensor each process fills its part.

        Args:
            state: by name.
            alone: whether only this process reads, though there are others.

        Raises:
            StaleError: a tensor is not in the checkpoint, or has another size there.
        """
        single_process_is_meant()
        try:
            load(state, storage_reader=self, no_dist=alone)
        except CheckpointException as error:
            cause = next(iter(error.failures.values()))[0]
            folder = self._checkpoint.folder
            raise StaleError(f"{folder} does not fit the model ({cause}): {remedy(folder)}") from None


def restore(checkpoint: Checkpoint, strategy: Strategy) -> None:
    """Put a checkpoint back into a strategy that has not made a step.

    Raises:
        StaleError: it is of another model.
    """
    reader = CheckpointReader(checkpoint)
    state = strategy.state()
    for name, stored in reader.stored.items():
        kind, _, rest = name.partition(".")
        if kind == "optimizer":  # moments: an idle expert has none yet
            state[name] = _empty_moment(stored, state.get(f"model.{rest.rpartition('.')[0]}"))
    if extra := sorted(reader.stored.keys() - state.keys()):
        folder = checkpoint.folder
        raise StaleError(f"{folder} holds {extra[0]}, which the model has not: {remedy(folder)}")
    reader.into(state)
    strategy.load(state)


def _empty_moment(stored: TensorStorageMetadata, parameter: Tensor | None) -> Tensor:
    """Room for a moment, laid out like its parameter where it has as many numbers."""
    if parameter is None or parameter.size() != stored.size:
        return torch.empty(stored.size, dtype=stored.properties.dtype)
    return torch.empty_like(parameter, dtype=stored.properties.dtype, requires_grad=False)
