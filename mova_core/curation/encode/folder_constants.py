"""What all clips of a folder of latents share: the white image's condition, and the empty text's context.

Tensors of `constants.safetensors`:
    white.HxW        [C, T, h, w] float32   condition latents of a white image, for each canvas (latent rows x columns)
    empty_context    [K, W] float32         the context of the empty text at its full length, zeros after the last token
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
from safetensors import safe_open
from torch import Tensor

from mova_core.curation.encode.latents_file import FileHeader, check_file
from mova_core.curation.encode.latents_manifest import read_latents_manifest
from mova_core.storage.atomic import atomic_path

CONSTANTS_FILE = "constants.safetensors"
EMPTY = "empty_context"


@dataclass(frozen=True, slots=True)
class FolderConstants:
    """See the module for the tensors."""

    tensors: Mapping[str, Tensor]

    @property
    def empty_context(self) -> Tensor:
        """[K, W], at the length of every padded context."""
        return self.tensors[EMPTY]

    def white(self, rows: int, columns: int) -> Tensor:
        """Condition latents [C, T, h, w] of a white image on the canvas of so many latent rows and columns."""
        return self.tensors[white_name(rows, columns)]

    def write(self, path: Path, header: FileHeader) -> None:
        """Write the file atomically; the same constants give the same bytes."""
        with atomic_path(path) as temporary:
            safetensors.torch.save_file(dict(self.tensors), temporary, header.metadata())

    @classmethod
    def read(cls, folder: Path) -> "FolderConstants":
        """Those of a finished folder; UsageError or StaleError as `check_file`."""
        path = folder / CONSTANTS_FILE
        check_file(path, read_latents_manifest(folder))
        with safe_open(path, framework="pt") as file:
            return cls({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118 (not a dict)


def white_name(rows: int, columns: int) -> str:
    """Name of the tensor of a canvas of so many latent rows and columns."""
    return f"white.{rows}x{columns}"
