"""Accelerators that a plan knows: peak, memory, links and power of each.

Peaks are dense bf16; float32 matrix products run as TF32, at half of it. Bandwidths are bytes a second in one
direction. Each GPU of a node has a network card of its own.
Sources: NVIDIA data sheets H100 (SXM5), H200 (SXM5), A100 (SXM4 80 GB): peak, memory, NVLink (900, 900, 600 GB/s both
ways), PCIe (128, 128, 64 GB/s both ways), power; DGX H100, H200 and A100: a 400, 400 and 200 Gbit/s card a GPU.
"""

from dataclasses import dataclass
from typing import Literal

from mova_core.params.model import Precision

AcceleratorName = Literal["H100", "H200", "A100"]
GPUS_PER_NODE = 8  # of the systems named above
USABLE = 0.9  # of a GPU's memory: the rest is for CUDA, NCCL and fragmentation; our assumption
COMPUTE_BYTES: dict[Precision, int] = {"bfloat16": 2, "float32": 4}  # of an activation and of a weight that computes


@dataclass(frozen=True, slots=True)
class Accelerator:
    """One GPU: FLOPs a second, bytes of memory, bytes a second within a node, to other nodes and from the processor's
    memory, watts; its node."""

    name: AcceleratorName
    bf16_flops: float
    memory: float
    intra_node: float
    inter_node: float
    host: float
    power_w: float
    gpus_per_node: int = GPUS_PER_NODE

    def peak(self, precision: Precision) -> float:
        """FLOPs a second in this precision."""
        return self.bf16_flops / (1 if precision == "bfloat16" else 2)

    def ring_bandwidth(self, gpus: int) -> float:
        """Bytes a second a GPU passes on in a ring of so many: between nodes, all cards of a node work for the ring."""
        inside = gpus <= self.gpus_per_node
        return self.intra_node if inside else min(self.intra_node, self.gpus_per_node * self.inter_node)


ACCELERATORS: dict[AcceleratorName, Accelerator] = {
    "H100": Accelerator("H100", 989.4e12, 80e9, 450e9, 50e9, 64e9, 700),
    "H200": Accelerator("H200", 989.4e12, 141e9, 450e9, 50e9, 64e9, 700),
    "A100": Accelerator("A100", 312e12, 80e9, 300e9, 25e9, 32e9, 400),
}


def accelerator_named(device: str) -> Accelerator | None:
    """The accelerator in the name that a driver gives it, such as `NVIDIA H100 80GB HBM3`; None for any other."""
    words = device.replace("-", " ").split()
    if {"PCIe", "NVL"} & set(words):  # slower than those above
        return None
    return next((each for name, each in ACCELERATORS.items() if name in words), None)
