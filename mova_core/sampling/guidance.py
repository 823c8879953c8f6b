"""Classifier-free guidance of one or several modalities: how strongly the text acts, and the Bridge between them.

v = v(0,0) + s_B (v(0,B) - v(0,0)) + s_T (v(T,B) - v(0,B)), where the first place is the text (0 = negative prompt) and
the second the Bridge (0 = off both ways). Sorted by velocity this is a weighted sum of guidance branches:
    branch   v(0,0)     v(0,B)      v(T,B)
    weight   1 - s_B    s_B - s_T   s_T
Each modality has its own weights over the same branches. A branch that has weight 0 in all of them is not run:
s_B = 1 (text guidance only) and s_B = s_T need two branches, s_B = s_T = 1 needs one.

Nothing here knows the model: a branch says how it is to be called, and velocities are tensors by name of modality.
Shape suffixes: B batch; "..." is the rest of a latent (video C T H W, audio C L).
Sources: MOVA report, arXiv:2602.08794, section 4 of inference, and golden case `dual_step`; interval of noise levels:
Kynkaanniemi et al., arXiv:2404.07724; rescale: Lin et al., arXiv:2305.08891, section 3.4.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce

import torch
from torch import Tensor

from mova_core.errors import UsageError

SIGMA_TOLERANCE = 1e-6  # noise levels are float32, the ends of an interval are what a person types


@dataclass(frozen=True, slots=True)
class GuidanceBranch:
    """One forward pass of a step: with the prompt or the negative prompt, with the Bridge or without."""

    text: bool
    bridge: bool


NULL = GuidanceBranch(text=False, bridge=False)
BRIDGE = GuidanceBranch(text=False, bridge=True)
FULL = GuidanceBranch(text=True, bridge=True)
TEXT_ONLY = GuidanceBranch(text=True, bridge=False)
BRANCHES = (NULL, TEXT_ONLY, BRIDGE, FULL)  # in the order in which they run: those without the Bridge first


@dataclass(frozen=True, slots=True)
class Scales:
    """How strongly Bridge and text act on one modality; both 1 is no guidance.

    Args:
        bridge: s_B, at least 0.
        text: s_T, at least 0.

    Raises:
        UsageError: a scale below 0, or not a number.
    """

    bridge: float
    text: float

    def __post_init__(self) -> None:
        for name in ("bridge", "text"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise UsageError(f"{name}_scale is {getattr(self, name)}, must be a number of at least 0")


@dataclass(frozen=True, slots=True)
class Guidance:
    """Which branches a step needs, and the guided velocity from theirs.

    Args:
        bridge_scale: s_B, at least 0; without effect where `bridge` is False.
        text_scale: s_T, at least 0.
        bridge: False runs every branch without the Bridge, v(0,0) + s_T (v(T,0) - v(0,0)): the control that shows what
            the Bridge does. (s_B = 0 is no such control: it still has v(T,B) - v(0,B) in it.)
        own_scales: of modalities that have others than those two.
        sigma_min: lowest noise level at which guidance acts, in [0, 1] and included.
        sigma_max: highest one, included. A modality whose own level lies outside has the conditional velocity, v(T,B):
            the source restricts guidance by the noise that is in what is being guided.
        rescale: share, in [0, 1], by which a guided clean latent is brought to the spread of the conditional one.

    Raises:
        UsageError: a scale below 0 or not a number, an interval that is none, or a share outside [0, 1].
    """

    bridge_scale: float
    text_scale: float
    bridge: bool = True
    own_scales: Mapping[str, Scales] = field(default_factory=dict)
    sigma_min: float = 0.0
    sigma_max: float = 1.0
    rescale: float = 0.0

    def __post_init__(self) -> None:
        Scales(self.bridge_scale, self.text_scale)
        if not 0 <= self.sigma_min <= self.sigma_max <= 1:
            raise UsageError(
                f"guidance acts from noise level {self.sigma_min} to {self.sigma_max}, expected two numbers of 0 to 1, "
                "the lower one first"
            )
        if not 0 <= self.rescale <= 1:
            raise UsageError(f"guidance rescale is {self.rescale}, expected a share of 0 to 1")

    @property
    def conditional(self) -> GuidanceBranch:
        """The branch that is the model's answer without guidance."""
        return FULL if self.bridge else TEXT_ONLY

    def acts_at(self, sigma: float) -> bool:
        """Whether a noise level is in the interval."""
        return self.sigma_min - SIGMA_TOLERANCE <= sigma <= self.sigma_max + SIGMA_TOLERANCE

    def weights(self, modality: str, sigma: float) -> dict[GuidanceBranch, float]:
        """Weight of each branch in the velocity of one modality at its noise level, none of them 0; they sum to 1."""
        if not self.acts_at(sigma):
            return {self.conditional: 1.0}
        scales = self.own_scales.get(modality, Scales(self.bridge_scale, self.text_scale))
        if self.bridge:
            weights = {NULL: 1 - scales.bridge, BRIDGE: scales.bridge - scales.text, FULL: scales.text}
        else:
            weights = {NULL: 1 - scales.text, TEXT_ONLY: scales.text}
        return {branch: weight for branch, weight in weights.items() if weight != 0}

    def needs(self, sigma: Mapping[str, float]) -> dict[GuidanceBranch, set[str]]:
        """The branches that a step has to run, and the modalities whose velocity each of them is needed for.

        Args:
            sigma: noise level, 0 data .. 1 noise, of each modality that is generated; one that is given is left out.

        Returns:
            What one modality at least needs, in the order of `BRANCHES`.
        """
        needed: dict[GuidanceBranch, set[str]] = {branch: set() for branch in BRANCHES}
        for modality, level in sigma.items():
            weights = self.weights(modality, level)
            for branch in [*weights, *([self.conditional] if self._is_rescaled(weights) else [])]:
                needed[branch].add(modality)
        return {branch: modalities for branch, modalities in needed.items() if modalities}

    def branches(self, sigma: Mapping[str, float]) -> tuple[GuidanceBranch, ...]:
        """The branches of `needs`."""
        return tuple(self.needs(sigma))

    def combine(
        self,
        velocities: Mapping[GuidanceBranch, Mapping[str, Tensor]],
        noisy: Mapping[str, Tensor],
        sigma: Mapping[str, float],
    ) -> dict[str, Tensor]:
        """The guided velocity of each modality of `sigma`.

        Args:
            velocities: of each of `branches(sigma)`, by modality, [B, ...].
            noisy: the latents that the model was given, by modality, [B, ...].
            sigma: their noise levels.
        """
        guided = {}
        for modality, level in sigma.items():
            weights = self.weights(modality, level)
            guided[modality] = _weighted_sum(weights, {branch: velocities[branch][modality] for branch in weights})
            if self._is_rescaled(weights):
                conditional = velocities[self.conditional][modality]
                guided[modality] = rescale_velocity(guided[modality], conditional, noisy[modality], level, self.rescale)
        return guided

    def _is_rescaled(self, weights: Mapping[GuidanceBranch, float]) -> bool:
        return self.rescale > 0 and set(weights) != {self.conditional}


def rescale_velocity(guided: Tensor, conditional: Tensor, noisy: Tensor, sigma: float, share: float) -> Tensor:
    """A guided velocity whose clean latent has the conditional one's standard deviation, sample by sample.

    Guidance makes a clean latent too wide: over-exposed video, loud audio. Its source rescales what the model predicts,
    which at full noise is there the clean latent itself. Here a velocity is noise - clean, and to scale it whole would
    leave noise in the latent, so its clean part noisy - sigma velocity is scaled alone.

    Args:
        guided: velocity with guidance [B, ...] of one modality.
        conditional: velocity without, same shape.
        noisy: the latents at noise level sigma, same shape.
        sigma: noise level in [0, 1]; at 0 the clean latent is fixed, and nothing is changed.
        share: 0 leaves the guided velocity, 1 gives the full standard deviation.
    """
    if sigma == 0:
        return guided
    clean, reference = noisy - sigma * guided, noisy - sigma * conditional
    spread, wanted = (latents.flatten(1).std(dim=1) for latents in (clean, reference))
    factor_B = share * torch.where(spread > 0, wanted / spread, 1.0) + (1 - share)
    return guided + (1 - factor_B).view(-1, *[1] * (clean.ndim - 1)) * clean / sigma


def dual_guidance(
    v_null: Tensor, v_bridge: Tensor, v_full: Tensor, *, bridge_scale: float, text_scale: float
) -> Tensor:
    """v(0,0), v(0,B), v(T,B) -> guided velocity, all [B, ...] of one modality. Source: MOVA report, dual CFG.

    Raises:
        UsageError: a scale below 0, or not a number.
    """
    weights = Guidance(bridge_scale, text_scale).weights("video", 1.0)  # the same of any modality at any level
    return _weighted_sum(weights, {NULL: v_null, BRIDGE: v_bridge, FULL: v_full})


def _weighted_sum(weights: Mapping[GuidanceBranch, float], velocities: Mapping[GuidanceBranch, Tensor]) -> Tensor:
    return reduce(Tensor.add, (weight * velocities[branch] for branch, weight in weights.items()))
