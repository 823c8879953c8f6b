"""Step caches: what changes little from one evaluation of the velocity to the next is not computed in each.

They are approximate, and off by default.
    none          everything runs in every evaluation
    null_branch   v(0,0) is taken to keep its difference to the negative text's other branch; its own pass runs in every
                  n-th evaluation
    velocity      the guided velocity is continued on the line through its last two values; the model runs in every n-th
The first evaluation of each expert runs everything, for a line also the second: the velocities of two experts lie on
none. Which ones do follows from their number alone: samples do not act on each other, and nothing waits for the device
to say what has changed.
diffusers' caches (first block, MagCache, TaylorSeer) are hooks on the blocks of one transformer that keep what they
cached on its modules. Our towers exchange states between blocks, so that neither can skip blocks alone, and threads and
training share the modules: what is cached here is what a pass gives, in a value of the run.
Source: TaylorSeer, arXiv:2503.06923, of order 1 and of the model's output.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor

from mova_core.model.towers.dual_tower import LatentPair
from mova_core.params.generate import CacheKind
from mova_core.sampling.branch_parallel.processes import Velocities
from mova_core.sampling.guidance import NULL, GuidanceBranch


@dataclass(slots=True)
class StepCache:
    """What one run has cached.

    Args:
        kind: of cache.
        interval: evaluations from one that runs everything to the next, at least 2.
    """

    kind: CacheKind = "none"
    interval: int = 2
    _due: bool = True  # whether this evaluation runs everything
    _number: int = 0  # of the evaluation to come
    _last: int = 0  # that ran everything
    _expert: str = ""
    _values: list[tuple[LatentPair, LatentPair]] = field(default_factory=list)  # noise levels and velocity, of two
    _near: GuidanceBranch | None = None  # to which v(0,0) keeps its difference
    _differences: dict[str, Tensor] = field(default_factory=dict)  # by modality

    def velocity(self, sigma_2: Tensor, expert: str, compute: Callable[[], LatentPair]) -> LatentPair:
        """An evaluation of the guided velocity: computed, or for kind `velocity` continued where nothing has to run.

        Args:
            sigma_2: noise levels of video and audio.
            expert: that works there.
            compute: evaluates it.
        """
        if expert != self._expert:
            self._values = []
        too_few = self.kind == "velocity" and len(self._values) < 2
        self._due = too_few or expert != self._expert or self._number - self._last >= self.interval
        if self._due:
            self._last, self._expert = self._number, expert
        self._number += 1
        if self._due or self.kind != "velocity":
            found = compute()
            if self.kind == "velocity":
                self._values = [*self._values[-1:], (LatentPair(*sigma_2), found)]
            return found
        (before, first), (after, second) = self._values
        lines = zip(sigma_2.tolist(), before, after, first, second, strict=True)
        return LatentPair(*(_continued(sigma, float(a), float(b), v, w) for sigma, a, b, v, w in lines))

    def branches(self, branches: tuple[GuidanceBranch, ...]) -> tuple[GuidanceBranch, ...]:
        """Those of this evaluation's branches that have to be run."""
        if self.kind != "null_branch" or self._due or self._near not in branches:
            return branches
        return tuple(branch for branch in branches if branch != NULL)

    def complete(self, branches: tuple[GuidanceBranch, ...], velocities: Velocities) -> Velocities:
        """The velocities of all branches, that of v(0,0) from its difference where it was not run."""
        others = [branch for branch in branches if branch != NULL]
        if self.kind != "null_branch" or NULL not in branches or not others:
            return velocities
        if NULL in velocities:
            self._near = others[0]
            near = velocities[self._near]
            self._differences = {name: each - near[name] for name, each in velocities[NULL].items()}
            return velocities
        assert self._near is not None, "v(0,0) was left out where its difference is known"
        near = velocities[self._near]
        return velocities | {NULL: {name: each + self._differences[name] for name, each in near.items()}}


def _continued(sigma: float, first_sigma: float, second_sigma: float, first: Tensor, second: Tensor) -> Tensor:
    """The value at sigma on the line through two; a modality that is given stands still."""
    if first_sigma == second_sigma:
        return second
    return second + (second - first) * ((sigma - second_sigma) / (second_sigma - first_sigma))
