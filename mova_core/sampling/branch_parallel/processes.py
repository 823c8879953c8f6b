"""The guidance branches of a step divided over two processes, each of which holds the towers.

The first one generates; the second one only runs its part of a step's branches whenever it is asked. Latents go there
and velocities come back over gloo, through the processor's memory: that works between any two devices, costs little
beside a pass worth dividing (at 720p some 45 MB each), and fails at once where the other process has died.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from mova_core.errors import MovaError
from mova_core.sampling.guidance import GuidanceBranch

Velocities = dict[GuidanceBranch, dict[str, Tensor]]
"""Of each branch, by modality, float32 [B, ...]."""


class OtherProcessLost(MovaError):
    """The other process has ended: its own error is the one to tell."""


@dataclass(frozen=True, slots=True)
class BranchParallel:
    """The processes that divide branches; each makes the same exchanges in the same order.

    Args:
        group: the processes, over gloo; the first one is the one that generates.
    """

    group: dist.ProcessGroup

    def mine(self, branches: tuple[GuidanceBranch, ...]) -> tuple[GuidanceBranch, ...]:
        """The branches that this process runs; none where there are fewer than processes."""
        return branches[self.group.rank() :: self.group.size()]

    def tell(self, value: Any) -> None:
        """Send the others what they have to do next; nothing in a process that is told.

        Args:
            value: such as can be pickled, its tensors on the processor.

        Raises:
            OtherProcessLost: the other process has died.
        """
        if self.group.rank() == 0:
            self._broadcast_object([value])

    def told(self) -> Any:
        """What the first process tells next; errors as of `tell`."""
        return self._broadcast_object([None])

    def exchange(
        self, branches: Sequence[GuidanceBranch], mine: Velocities, latents: Mapping[str, Tensor]
    ) -> Velocities:
        """The velocities of all branches.

        Args:
            branches: of the step.
            mine: velocities of those that this process has run.
            latents: of the step, in whose shapes and on whose device they are.

        Raises:
            OtherProcessLost: the other process has died.
        """
        every: Velocities = {}
        for index, branch in enumerate(branches):
            owner, found = index % self.group.size(), mine.get(branch)
            every[branch] = {
                modality: self._from(owner, torch.empty(each.shape) if found is None else found[modality]).to(each)
                for modality, each in latents.items()
            }
        return every

    def _from(self, owner: int, velocity: Tensor) -> Tensor:
        velocity = velocity.cpu().contiguous()
        with _loss_noticed():
            dist.broadcast(velocity, group=self.group, group_src=owner)
        return velocity

    def _broadcast_object(self, values: list[Any]) -> Any:
        with _loss_noticed():
            dist.broadcast_object_list(values, group=self.group, group_src=0)
        return values[0]


@contextmanager
def _loss_noticed() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise OtherProcessLost(f"the other process of the guidance has ended: {error}") from None
