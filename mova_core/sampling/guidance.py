"""Dual classifier-free guidance: how strongly the text acts, and how strongly picture and sound heed each other.

v = v(0,0) + s_B (v(0,B) - v(0,0)) + s_T (v(T,B) - v(0,B)); first place the text (0 = negative prompt), second the
Bridge (0 = off both ways). A forward whose weight in this sum is zero is not run:
    any s_B, s_T     v(0,0)  v(0,B)  v(T,B)
    s_B = 1                  v(0,B)  v(T,B)     text guidance alone
    s_B = s_T        v(0,0)          v(T,B)     text and Bridge as one condition
    s_B = s_T = 1                    v(T,B)     no guidance
Source: MOVA report, arXiv:2602.08794, section 4 of inference; golden case `dual_step`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from mova_core.errors import UsageError
from mova_core.model.dual_tower import LatentPair


@dataclass(frozen=True, slots=True)
class Forward:
    """One forward pass: with the prompt or the negative prompt, with the Bridge or without."""

    text: bool
    bridge: bool


NULL = Forward(text=False, bridge=False)
BRIDGE = Forward(text=False, bridge=True)
FULL = Forward(text=True, bridge=True)
TEXT_ALONE = Forward(text=True, bridge=False)


def dual_guidance(
    v_null: Tensor, v_bridge: Tensor, v_full: Tensor, *, bridge_scale: float, text_scale: float
) -> Tensor:
    """v(0,0), v(0,B), v(T,B) -> guided velocity, all [B, ...]. Source: MOVA report, dual CFG."""
    return v_null + bridge_scale * (v_bridge - v_null) + text_scale * (v_full - v_bridge)


@dataclass(frozen=True, slots=True)
class Guidance:
    """The scales, and which forwards they need.

    Args:
        bridge_scale: s_B, at least 0; without the Bridge it has no part.
        text_scale: s_T, at least 0.
        bridge: False runs every forward without the Bridge, v(0,0) + s_T (v(T,0) - v(0,0)): the control that shows what
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
    def forwards(self) -> tuple[Forward, ...]:
        """The passes of a step, those whose weight in the sum is not zero."""
        if not self.bridge:
            weights = {NULL: 1 - self.text_scale, TEXT_ALONE: self.text_scale}
        else:
            weights = {
                NULL: 1 - self.bridge_scale,
                BRIDGE: self.bridge_scale - self.text_scale,
                FULL: self.text_scale,
            }
        return tuple(forward for forward, weight in weights.items() if weight != 0)

    def combine(self, velocities: Mapping[Forward, LatentPair]) -> LatentPair:
        """The guided velocity from those of `forwards`.

        A pass that was not run has weight zero: any other may stand in its place, and the sum stays the same.
        """
        null = _first(velocities, NULL, BRIDGE, FULL, TEXT_ALONE)
        bridge = _first(velocities, BRIDGE, NULL, FULL, TEXT_ALONE)
        full = _first(velocities, FULL, TEXT_ALONE, BRIDGE, NULL)
        scales = {"bridge_scale": self.bridge_scale, "text_scale": self.text_scale}
        return LatentPair(
            dual_guidance(null.video, bridge.video, full.video, **scales),
            dual_guidance(null.audio, bridge.audio, full.audio, **scales),
        )


def _first(velocities: Mapping[Forward, LatentPair], *order: Forward) -> LatentPair:
    return next(velocities[forward] for forward in order if forward in velocities)
