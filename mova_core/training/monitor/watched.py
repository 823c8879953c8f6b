"""What there is to know of a run, for those who watch it, before it starts."""

from collections.abc import Callable
from dataclasses import dataclass

from mova_core.params import Params
from mova_core.places import DataFolder
from mova_core.training.plan.workload import Workload, workload_of
from mova_core.training.recipe import Phase


@dataclass(frozen=True, slots=True)
class Watched:
    """One run.

    Args:
        phase: which.
        params: of the project.
        data: what it reads.
        waited_s: seconds so far in which a micro-batch waited for its clips.
        profile: how many steps are profiled.
    """

    phase: Phase
    params: Params
    data: DataFolder
    waited_s: Callable[[], float]
    profile: int = 0

    @property
    def work(self) -> Workload:
        """What the phase computes in a step."""
        return workload_of(self.phase, self.params)
