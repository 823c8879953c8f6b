"""Bytes that one GPU sends in a step, by collective, and the seconds they take if nothing hides them.

Weights are gathered for forward and again for backward, gradients reduced in float32 and scattered, both for every
clip of a data rank, since it computes one clip at a time; copies of the weights reduce their gradients once a step.
Ulysses (arXiv:2309.14509) exchanges q, k, v and the result of self-attention and of both directions of the Bridge,
forward and backward, and once more where checkpointing computes forward again; heads that do not divide are padded.
Sizes of ring collectives: NCCL, (n - 1) / n of the data sent by each of n GPUs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mova_core.params.model import ActivationCheckpointing, Precision
from mova_core.training.plan.hardware import Accelerator
from mova_core.training.plan.layout import Layout
from mova_core.training.plan.memory import COMPUTE_BYTES, FLOAT32
from mova_core.training.plan.workload import Workload


@dataclass(frozen=True, slots=True)
class Communication:
    """Bytes sent by one GPU in one step."""

    all_gather: float
    reduce_scatter: float
    all_reduce: float
    all_to_all: float

    def seconds(self, layout: Layout, accelerator: Accelerator) -> float:
        """All of them one after another."""
        sharding = (self.all_gather + self.reduce_scatter) / accelerator.ring_bandwidth(layout.weight_parts)
        replicas = self.all_reduce / accelerator.ring_bandwidth(layout.gpus)
        near = min(layout.context, accelerator.gpus_per_node) - 1
        far = layout.context - 1 - near
        links = max(near / accelerator.intra_node, far / accelerator.inter_node)
        return sharding + replicas + self.all_to_all * links / max(1, near + far)


def communication_of(
    workload: Workload, layout: Layout, checkpointing: ActivationCheckpointing, precision: Precision
) -> Communication:
    """What one GPU sends in a step of this phase."""
    number, clips = COMPUTE_BYTES[precision], workload.batch / layout.data_ranks
    active, ring = workload.step.parameters, _ring(layout.weight_parts)
    passes = 3 if checkpointing == "full" else 2
    exchanged = number * _exchanged(workload, layout.context) / layout.context
    return Communication(
        all_gather=2 * clips * ring * number * active,
        reduce_scatter=clips * ring * FLOAT32 * active,
        all_reduce=2 * _ring(layout.replicate) * FLOAT32 * active / layout.weight_parts,
        all_to_all=passes * clips * _ring(layout.context) * exchanged,
    )


def _ring(gpus: int) -> float:
    return (gpus - 1) / gpus


def _exchanged(workload: Workload, context: int) -> float:
    """Numbers that the forward of one clip exchanges."""
    widths = {name: _padded(workload.configs[name], context) for name in workload.towers}
    towers = (
        4 * workload.configs[name]["num_layers"] * tokens * widths[name] for name, tokens in workload.towers.items()
    )
    return sum(towers) + workload.bridge_layers * 2 * sum(workload.towers.values()) * sum(widths.values())


def _padded(config: Mapping[str, Any], context: int) -> int:
    """A tower's width once its heads divide."""
    heads = config["num_heads"]
    return -(-heads // context) * context * (config["dim"] // heads)
