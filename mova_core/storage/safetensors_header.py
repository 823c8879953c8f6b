"""What a safetensors file holds, read from its header without torch: 8 bytes of length, then JSON.

Source: the format's README, https://github.com/huggingface/safetensors#format.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mova_core.errors import StaleError

LENGTH_BYTES = 8
MOST_BYTES = 100_000_000  # of a header, as the format limits it


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """One tensor.

    Args:
        dtype: as safetensors names it, such as F32.
        shape: of it.
    """

    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Header:
    """A file's header.

    Args:
        tensors: by key.
        metadata: texts by key.
    """

    tensors: dict[str, TensorEntry]
    metadata: dict[str, str]


def read_header(path: Path) -> Header:
    """Read a header, and compare the file's size with it.

    Raises:
        StaleError: not a whole safetensors file.
    """
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(LENGTH_BYTES), "little")
            size = path.stat().st_size
            if not 0 < length <= min(MOST_BYTES, size - LENGTH_BYTES):
                raise ValueError("its header is cut short")
            values: dict[str, Any] = json.loads(file.read(length))
        metadata = values.pop("__metadata__", {})
        tensors = {key: TensorEntry(str(entry["dtype"]), tuple(entry["shape"])) for key, entry in values.items()}
        end = max((int(entry["data_offsets"][1]) for entry in values.values()), default=0)
        if size != LENGTH_BYTES + length + end:
            raise ValueError(f"it has {size} bytes, its header lists {LENGTH_BYTES + length + end}")
        return Header(tensors, {str(key): str(value) for key, value in metadata.items()})
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise StaleError(f"{path} is not a whole safetensors file ({error}): fetch it again") from None
