"""Which part of each parameter a process holds under ZeRO, and how it comes to the layout of a checkpoint and back.

ZeRO cuts flat tensors wherever the numbers are even: stages 1 and 2 all parameters of a group one after the other,
stage 3 each parameter by itself. A checkpoint has rows (dimension 0) of each parameter, as FSDP2 cuts them, so that
any layout can read it. From one to the other a parameter is whole for a moment, one at a time.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Shard


@dataclass(frozen=True, slots=True)
class Part:
    """One process's part of a parameter.

    Args:
        flat: 1-D tensor with the parts of several parameters, or of this one alone; the optimizer's, if it moves.
        offset: where the part begins in it.
        start: which of the parameter's numbers is its first.
        length: how many there are, perhaps none.
        shape: of the whole parameter.
    """

    flat: Tensor
    offset: int
    start: int
    length: int
    shape: torch.Size

    def of(self, flat: Tensor) -> Tensor:
        """The part in a tensor laid out like `flat`, a view."""
        return flat.detach().narrow(0, self.offset, self.length)

    def cut(self, value: Tensor) -> Tensor:
        """The part of a whole value of the parameter."""
        return value.flatten().narrow(0, self.start, self.length)


def optimizer_parts(zero: Any) -> Iterator[tuple[nn.Parameter, Part]]:
    """Every parameter of a DeepSpeed optimizer, and the part that this process moves.

    Args:
        zero: DeepSpeed's optimizer of stage 1, 2 or 3.
    """
    if hasattr(zero, "fp32_partitioned_groups_flat"):  # stage 3
        for group, flat in zip(zero.fp16_groups, zero.fp32_partitioned_groups_flat, strict=True):
            offset = 0
            for parameter in group:
                yield parameter, _of_one(parameter, flat, offset)
                offset += parameter.partition_numel()
    else:
        for group, flat in zip(zero.bit16_groups, zero.single_partition_of_fp32_groups, strict=True):
            begin, end = (flat.numel() * (dist.get_rank() + side) for side in (0, 1))
            at = 0  # where the parameter begins in the group
            for parameter in group:
                start, stop = (min(max(edge - at, 0), parameter.numel()) for edge in (begin, end))
                offset = at + start - begin if stop > start else 0
                yield parameter, Part(flat, offset, start, stop - start, parameter.shape)
                at += parameter.numel()


def held_part(parameter: Any) -> Part:
    """The part of a weight that this process holds between its uses, in stage 3."""
    return _of_one(parameter, parameter.ds_tensor, 0)


def _of_one(parameter: Any, flat: Tensor, offset: int) -> Part:
    size, numel = parameter.partition_numel(), parameter.ds_numel
    start = min(size * dist.get_rank(), numel)
    return Part(flat, offset, start, min(size, numel - start), parameter.ds_shape)


def whole(part: Part, flat: Tensor) -> Tensor:
    """All processes' parts of a parameter together, from tensors laid out like `part.flat`; every process asks."""
    value = flat.new_zeros(part.shape.numel())
    value.narrow(0, part.start, part.length).copy_(part.of(flat))
    dist.all_reduce(value)
    return value.view(part.shape)


def rows(value: Tensor, mesh: DeviceMesh) -> DTensor:
    """This process's rows of a whole value, in memory of their own."""
    chunks = value.detach().chunk(mesh.size())
    rank = mesh.get_local_rank()
    here = chunks[rank].clone() if rank < len(chunks) else value.new_empty(0, *value.shape[1:])
    return DTensor.from_local(here, mesh, [Shard(0)], run_check=False, shape=value.shape, stride=value.stride())


def together(value: Tensor) -> Tensor:
    """The whole of a value that is whole or in rows; every process asks."""
    return value.full_tensor() if isinstance(value, DTensor) else value


def partition(models: Iterable[nn.Module], weights: Any, device: torch.device) -> None:
    """Fill models on the meta device with the same weights, each parameter cut (stage 3) before the next one is read.

    Args:
        models: alike.
        weights: gives the value of a parameter by its name.
        device: that the parts lie on.
    """
    import deepspeed

    first, *others = models
    for name, owner in reversed(list(first.named_modules())):  # children first: what Init finds below is cut already
        own = [key for key, _ in owner.named_parameters(recurse=False)]
        for key in own:
            value = weights(f"{name}.{key}" if name else key).to(device)
            for model in (first, *others):
                there = model.get_submodule(name)
                was = there.get_parameter(key)
                there.register_parameter(key, nn.Parameter(value.clone(), requires_grad=was.requires_grad))
        if own:
            for model in (first, *others):
                deepspeed.zero.Init(module=model.get_submodule(name), dtype=torch.float32)
