"""Weights of a model folder, each read from its safetensors file when it is asked for: no process holds them all."""

from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor, nn

from mova_core.errors import StaleError
from mova_core.model.pretrained.component import DTYPES, check_stored, files_by_key, stored_tensors


class StoredWeights:
    """Gives the parameters of one component folder by their names in the model, in the dtype of the file.

    Args:
        folder: of the component.
        component: the component on whatever device; only its names and shapes are looked at.

    Raises:
        UsageError: no such folder, no safetensors in it, or a pickle.
        StaleError: a damaged or missing file, or weights that do not fit the component.
    """

    def __init__(self, folder: Path, component: nn.Module) -> None:
        check_stored(folder, {name: tuple(parameter.shape) for name, parameter in component.named_parameters()})
        self._folder, self._files = folder, files_by_key(folder)

    def __call__(self, name: str) -> Tensor:
        """The value of a parameter, by its name within the component."""
        with safe_open(self._files[name], framework="pt") as file:
            return file.get_tensor(name)

    @property
    def sizes(self) -> dict[str, Tensor]:
        """All of them on the meta device, by name; StaleError for numbers of another kind than a model is made of."""
        found = stored_tensors(self._folder)
        if other := sorted({dtype for dtype, _ in found.values()} - DTYPES.keys()):
            raise StaleError(f"{self._folder} holds weights of dtype {other[0]}, expected one of {', '.join(DTYPES)}")
        return {name: torch.empty(shape, dtype=DTYPES[dtype], device="meta") for name, (dtype, shape) in found.items()}
