"""What no step of a run changes, kept for the steps: see `mova_core.model.towers.run_tables`.

A sampler makes one for each run and lets it go with the run.
"""

from collections.abc import Callable, Sequence

from torch import Tensor

from mova_core.model.towers.dual_tower import ContextPair, DualTower, LatentPair
from mova_core.model.towers.one_tower import OneTower
from mova_core.model.towers.run_tables import RunTables, TowerTables
from mova_core.sampling.guidance import GuidanceBranch


class TablesOfRun:
    """Tables of each group of guidance branches that has run, of one expert at a time.

    Args:
        model: that runs.
        contexts: the texts of a group of branches.
        video_fps: pixel frames per second.
    """

    def __init__(
        self,
        model: DualTower | OneTower,
        contexts: Callable[[Sequence[GuidanceBranch]], Tensor | ContextPair],
        video_fps: float,
    ) -> None:
        self._model, self._contexts, self._video_fps = model, contexts, video_fps
        self._expert, self._made = "", dict[tuple[bool, ...], RunTables | TowerTables]()

    def of(self, branches: Sequence[GuidanceBranch], expert: str, noisy: LatentPair) -> RunTables | TowerTables:
        """Those of branches that run as one batch, made if they are the first with these texts.

        Args:
            branches: the batch, one after the other.
            expert: that runs; experts switch once, so those of another one are let go.
            noisy: latents of the batch.
        """
        if expert != self._expert:
            self._expert, self._made = expert, {}
        texts = tuple(branch.text for branch in branches)
        if texts not in self._made:
            context = self._contexts(branches)
            self._made[texts] = self._model.tables(noisy, context, expert=expert, video_fps=self._video_fps)
        return self._made[texts]
