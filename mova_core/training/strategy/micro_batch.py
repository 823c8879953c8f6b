"""How a batch is cut into micro-batches, and which of them a process computes.

Gradients are averaged over the micro-batches. How they are cut decides the last bits of the weights, so their number is
a param, which the number of data ranks must divide.
"""

from dataclasses import dataclass

import torch

from mova_core.training.strategy.layout import check_micro_batches


@dataclass(frozen=True, slots=True)
class MicroBatch:
    """Rows `index`, `index + count`, … of every batch, and the device that computes them."""

    index: int
    count: int
    device: torch.device

    @property
    def rows(self) -> slice:
        """Its rows of a batch."""
        return slice(self.index, None, self.count)


def local_micro_batches(
    micro_batches: int, batch: int, rank: int, ranks: int, device: torch.device
) -> tuple[MicroBatch, ...]:
    """The micro-batches that one data rank computes.

    Args:
        micro_batches: of all ranks together.
        batch: clips a step.
        rank: this data rank; processes of one context-parallel group are one data rank.
        ranks: their number.
        device: that computes them.

    Raises:
        UsageError: the ranks do not divide the micro-batches, or these the batch.
    """
    check_micro_batches(micro_batches, batch, ranks)
    here = micro_batches // ranks
    return tuple(MicroBatch(rank * here + index, micro_batches, device) for index in range(here))
