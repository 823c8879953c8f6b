"""Dual classifier-free guidance: how strongly the text acts, and how strongly video and audio follow each other.

v = v(0,0) + s_B (v(0,B) - v(0,0)) + s_T (v(T,B) - v(0,B)), where the first place is the text (0 = negative prompt) and
the second the Bridge (0 = off both ways). Sorted by velocity this is a weighted sum of guidance branches:
    branch   v(0,0)     v(0,B)      v(T,B)
    weight   1 - s_B    s_B - s_T   s_T
A branch of weight 0 is not run: s_B = 1 (text guidance only) and s_B = s_T need two branches, s_B = s_T = 1 needs one.
Source: MOVA report, arXiv:2602.08794, section 4 of inference; golden case `dual_step`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce

from torch import Tensor

from mova_core.errors import UsageError
from mova_core.model.towers.dual_tower import LatentPair


@dataclass(frozen=True, slots=True)
class GuidanceBranch:
    """One forward pass of a step: with the prompt or the negative prompt, with the Bridge or without."""

    text: bool
    bridge: bool


NULL = GuidanceBranch(text=False, bridge=False)
BRIDGE = GuidanceBranch(text=False, bridge=True)
FULL = GuidanceBranch(text=True, bridge=True)
TEXT_ONLY = GuidanceBranch(text=True, bridge=False)


@dataclass(frozen=True, slots=True)
class Guidance:
    """The two scales, and the weight that they give to each branch.

    Args:
        bridge_scale: s_B, at least 0; without effect where `bridge` is False.
        text_scale: s_T, at least 0.
        bridge: False runs every branch without the Bridge, v(0,0) + s_T (v(T,0) - v(0,0)): the control that shows what
            the Bridge does. (s_B = 0 is no such control: it still has v(T,B) - v(0,B) in it.)

    Raises:
        UsageError: a scale below 0, or not a number.
    """

    bridge_scale: float
    text_scale: float
    bridge: bool = True

    def __post_init__(self) -> None:
        for name in ("bridge_scale", "text_scale"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise UsageError(f"{name} is {getattr(self, name)}, must be a number of at least 0")

    @property
    def weights(self) -> dict[GuidanceBranch, float]:
        """Weight of each branch that has to be run; they sum to 1."""
        if self.bridge:
            weights = {
                NULL: 1 - self.bridge_scale,
                BRIDGE: self.bridge_scale - self.text_scale,
                FULL: self.text_scale,
            }
        else:
            weights = {NULL: 1 - self.text_scale, TEXT_ONLY: self.text_scale}
        return {branch: weight for branch, weight in weights.items() if weight != 0}

    def combine(self, velocities: Mapping[GuidanceBranch, LatentPair]) -> LatentPair:
        """The guided velocity from those of the branches in `weights`."""
        return LatentPair(
            self._sum({branch: pair.video for branch, pair in velocities.items()}),
            self._sum({branch: pair.audio for branch, pair in velocities.items()}),
        )

    def _sum(self, velocities: Mapping[GuidanceBranch, Tensor]) -> Tensor:
        return reduce(Tensor.add, (weight * velocities[branch] for branch, weight in self.weights.items()))


def dual_guidance(
    v_null: Tensor, v_bridge: Tensor, v_full: Tensor, *, bridge_scale: float, text_scale: float
) -> Tensor:
    """v(0,0), v(0,B), v(T,B) -> guided velocity, all [B, ...] of one modality. Source: MOVA report, dual CFG.

    Raises:
        UsageError: a scale below 0, or not a number.
    """
    guidance = Guidance(bridge_scale, text_scale)
    return guidance._sum({NULL: v_null, BRIDGE: v_bridge, FULL: v_full})
