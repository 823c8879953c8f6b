"""One tower of a model by itself, called as both are: for a clip that has one modality alone, and for a guidance branch
without the Bridge where the other modality's velocity is not asked for.
"""

from typing import Any

import torch
from torch import Tensor, nn

from mova_core.model.towers.dual_tower import ContextPair, DualTower, LatentPair
from mova_core.model.towers.run_tables import RunTables, TowerTables
from mova_core.model.towers.tower import Tower
from mova_core.params.generate import Modality


class OneTower(nn.Module):
    """The tower of one modality; the other one is never run.

    Args:
        towers: of the model.
        modality: whose tower it is.
    """

    def __init__(self, towers: DualTower, modality: Modality) -> None:
        super().__init__()
        self.towers, self.modality = towers, modality

    def forward(
        self,
        noisy: LatentPair,
        timestep_B2: Tensor,
        condition: Tensor,
        context: Tensor | ContextPair | TowerTables | RunTables,
        *,
        expert: str,
        **_: Any,
    ) -> LatentPair:
        """Velocity of the modality as `DualTower` gives it without the Bridge, and zeros for the other one."""
        tower, text = self._tower(expert), self._text(context)
        if self.modality == "audio":
            velocity = tower(noisy.audio, timestep_B2[:, 1], text)
            return LatentPair(torch.zeros_like(noisy.video), velocity)
        with_condition = torch.cat([noisy.video, condition.to(noisy.video.dtype)], dim=1)
        return LatentPair(tower(with_condition, timestep_B2[:, 0], text), torch.zeros_like(noisy.audio))

    def tables(self, noisy: LatentPair, context: Tensor | ContextPair, *, expert: str, **_: Any) -> TowerTables:
        """What no step of a run changes, for `forward` to take in place of the texts; see `DualTower.tables`."""
        text = self._text(context)
        assert isinstance(text, Tensor)
        tower = self._tower(expert)
        return tower.tables(text, tower.grid_of(getattr(noisy, self.modality)))

    def _tower(self, expert: str) -> Tower:
        return self.towers.audio_dit if self.modality == "audio" else self.towers.video_expert(expert)

    def _text(self, context: Tensor | ContextPair | TowerTables | RunTables) -> Tensor | TowerTables:
        return getattr(context, self.modality) if isinstance(context, (ContextPair, RunTables)) else context
