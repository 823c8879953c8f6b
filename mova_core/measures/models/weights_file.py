"""What a safetensors file of weights holds, against what a network wants: names and shapes from the header, then all.

A network is built on the meta device (shapes alone, no memory) to say what it wants, and takes the file's tensors as
its own when it is loaded, so that no weight is drawn or kept twice.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mova_core.errors import UsageError

if TYPE_CHECKING:
    from torch import nn

DERIVED = (".num_batches_tracked", ".relative_position_index")
"""Ends of names beside the weights: what counts a batch norm's batches in training, and what Swin computes anew."""

Shape = tuple[int, ...]
Network = TypeVar("Network", bound="nn.Module")


@dataclass(frozen=True, slots=True)
class Published:
    """Weights that somebody published, for messages and for what is left aside.

    Args:
        model: name of the model in params `weights`.
        what: what the file should be, such as "the state_dict of …".
        unused: beginnings of names that the file may hold beside the network's own.
        renamed: ends of names that older files have, and what they are now.
    """

    model: str
    what: str
    unused: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)

    def refuse(self, path: Path, told: str) -> UsageError:
        """The error for a file that is not these weights; `told` ends the sentence "… is PATH, which"."""
        return UsageError(f"params weights.{self.model}.path is {path}, which {told}: expected {self.what}")

    def now(self, name: str) -> str:
        """What a name in the file is called now."""
        for before, after in self.renamed.items():
            if name.endswith(before):
                return name.removesuffix(before) + after
        return name


def file_shapes(path: Path, published: Published) -> dict[str, Shape]:
    """Shape of each tensor in a file, by its name of now; reads the header alone.

    Raises:
        UsageError: it is no safetensors file.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            names = file.keys()
            return {published.now(name): tuple(file.get_slice(name).get_shape()) for name in names}
    except SafetensorError as error:
        raise published.refuse(path, f"is no safetensors file ({error})") from None


def check_weights(path: Path, build: Callable[[], "nn.Module"], published: Published) -> None:
    """Whether a file holds exactly the weights of a network, and nothing else but what is known to be unused.

    Args:
        path: the file.
        build: makes the network.
        published: which weights these should be.

    Raises:
        UsageError: it is no safetensors file, or a name is missing, unknown or has another shape.
    """
    found = file_shapes(path, published)
    wanted = {name: tuple(tensor.shape) for name, tensor in _on_meta(build).state_dict().items() if _counts(name)}
    if missing := [name for name in wanted if name not in found]:
        raise published.refuse(path, f"has no {_some(missing)}")
    for name, shape in wanted.items():
        if found[name] != shape:
            raise published.refuse(path, f"holds {name} of shape {list(found[name])}, not {list(shape)}")
    others = [name for name in found if _counts(name) and name not in wanted]
    if unknown := [name for name in others if not name.startswith(published.unused)]:
        raise published.refuse(path, f"holds the unknown {_some(unknown)}")


def load_network(path: Path, build: Callable[[], Network], published: Published | None = None) -> Network:
    """A network with the weights of a file that was checked, float32, for inference only.

    They have memory of their own: whatever becomes of the file, the weights stay those that were checked.

    Args:
        path: the file.
        build: makes the network.
        published: needed where names in the file may be older ones.
    """
    import torch
    from safetensors import safe_open

    network = _on_meta(build)
    wanted = {name for name in network.state_dict() if _counts(name)}
    with safe_open(path, framework="pt") as file:
        names = {published.now(name) if published else name: name for name in file.keys()}  # noqa: SIM118 (no mapping)
        weights = {name: file.get_tensor(names[name]).to(torch.float32, copy=True) for name in wanted}
    network.load_state_dict(weights, assign=True)
    return network.eval().requires_grad_(False)


def _on_meta(build: Callable[[], Network]) -> Network:
    import torch

    with torch.device("meta"):
        return build()


def _counts(name: str) -> bool:
    """Whether a tensor is a weight that a network needs."""
    return not name.endswith(DERIVED)


def _some(names: Iterable[str]) -> str:
    first, *more = names
    return f"{first} (and {len(more)} more)" if more else first
