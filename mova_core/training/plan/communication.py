"""Bytes that one GPU sends in a step, by collective, and the seconds they take if nothing hides them.

Weights are gathered for forward and again for backward (once where they are kept), gradients reduced in float32 and
scattered, both for every micro-batch of a data rank; copies of the weights reduce their gradients once a step.
ZeRO-1 and ZeRO-2 gather the weights that moved once a step; ZeRO-1 also reduces gradients once.
Ulysses (arXiv:2309.14509) exchanges q, k, v and the result of self-attention and of both directions of the Bridge,
forward and backward, and once more where checkpointing computes forward again; heads that do not divide are padded.
Sizes of ring collectives: NCCL, (n - 1) / n of the data sent by each of n GPUs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mova_core.params.model import ActivationCheckpointing, Precision
from mova_core.plan.hardware import COMPUTE_BYTES, Accelerator
from mova_core.training.plan.memory import FLOAT32
from mova_core.training.plan.workload import Workload
from mova_core.training.strategy.deepspeed_config import STAGES
from mova_core.training.strategy.layout import Layout


@dataclass(frozen=True, slots=True)
class Communication:
    """Bytes sent by one GPU in one step."""

    all_gather: float
    reduce_scatter: float
    all_reduce: float
    all_to_all: float

    def seconds(self, layout: Layout, accelerator: Accelerator) -> float:
        """All of them one after another."""
        sharding = (self.all_gather + self.reduce_scatter) / accelerator.ring_bandwidth(layout.shared_by)
        replicas = self.all_reduce / accelerator.ring_bandwidth(layout.processes)
        near = min(layout.context, accelerator.gpus_per_node) - 1
        far = layout.context - 1 - near
        links = max(near / accelerator.intra_node, far / accelerator.inter_node)
        return sharding + replicas + self.all_to_all * links / max(1, near + far)


def communication_of(
    workload: Workload, layout: Layout, checkpointing: ActivationCheckpointing, precision: Precision, clips: int = 1
) -> Communication:
    """What one GPU sends in a step of this phase, `clips` in a micro-batch."""
    number, here = COMPUTE_BYTES[precision], workload.batch / layout.data_ranks
    active, ring, micro_batches = workload.step.parameters, _ring(layout.shared_by), here / clips
    zero = layout.backend in STAGES
    if layout.parts.weights > 1:
        gathered = (2 if layout.reshard else 1) * micro_batches * (FLOAT32 if zero else number) * active
    else:
        gathered = FLOAT32 * active
    reduced = FLOAT32 * active * (micro_batches if layout.parts.gradients > 1 else 1)
    passes = 3 if checkpointing == "full" else 2
    exchanged = number * _exchanged(workload, layout.context) / layout.context
    return Communication(
        all_gather=ring * gathered,
        reduce_scatter=ring * reduced,
        all_reduce=0 if zero else 2 * _ring(layout.replicate) * FLOAT32 * active / layout.shared_by,
        all_to_all=passes * here * _ring(layout.context) * exchanged,
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
