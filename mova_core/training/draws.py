"""Everything random in a training step, and the order of the data: functions of (seed, phase, step) alone.

No generator lives longer than a step, so a run that was stopped goes on with the same numbers and has no random state
to save. A step's numbers are drawn for the whole batch, of which each thread and process takes its share: two of them
train on the same clips, noise and levels as one.
Shape suffixes: B batch; C channels, T latent frames, h w latent rows and columns, L audio latents.
"""

from dataclasses import dataclass, fields, replace
from enum import IntEnum
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from mova_core.flow_matching import shift_sigma, unshift_sigma
from mova_core.model.dual_tower import EXPERTS
from mova_core.params.model import AudioPhaseParams, JointPhaseParams


class Stream(IntEnum):
    """What a generator is for: the streams of one seed never meet."""

    STEP = 0
    ORDER = 1
    VALIDATION = 2


def generator_of(seed: int, phase: int, stream: Stream, index: int) -> torch.Generator:
    """A generator for this purpose alone, on the processor."""
    (word,) = np.random.SeedSequence([seed, phase, stream, index]).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(word) >> 1)


@dataclass(frozen=True, slots=True)
class AudioDraws:
    """A step of the audio tower alone.

    Args:
        audio_noise: standard normal [B, C, L].
        audio_sigma_B: noise levels.
        text_kept_B: bool, False where the empty text takes the caption's place.
    """

    audio_noise: Tensor
    audio_sigma_B: Tensor
    text_kept_B: Tensor


@dataclass(frozen=True, slots=True)
class JointDraws(AudioDraws):
    """A step of both towers; every row of every field is drawn on its own.

    Args:
        video_noise: standard normal [B, C, T, h, w].
        video_sigma_B: noise levels within the expert's share.
        bridge_on_B: bool, False where the towers do not hear each other.
        first_given_B: bool, True where the first frame is known, False where it is white.
    """

    video_noise: Tensor
    video_sigma_B: Tensor
    bridge_on_B: Tensor
    first_given_B: Tensor


Draws = TypeVar("Draws", bound=AudioDraws)


def draw_audio(params: AudioPhaseParams, batch: int, shape: torch.Size, generator: torch.Generator) -> AudioDraws:
    """Draw a batch; `shape` is that of one clip's sound latents [C, L]."""
    return AudioDraws(**_draw_audio(params, batch, shape, generator))


def draw_joint(
    params: JointPhaseParams,
    batch: int,
    audio_shape: torch.Size,
    video_shape: torch.Size,
    levels: tuple[float, float],
    generator: torch.Generator,
) -> JointDraws:
    """Draw a batch.

    Args:
        params: shifts and dropouts.
        batch: clips.
        audio_shape: of one clip's sound latents [C, L].
        video_shape: of one clip's picture latents [C, T, h, w].
        levels: unshifted levels of the video from (included) and to, see `expert_levels`.
        generator: where the numbers come from.
    """
    low, high = levels
    level_B = low + (high - low) * torch.rand(batch, generator=generator)
    return JointDraws(
        **_draw_audio(params, batch, audio_shape, generator),
        video_sigma_B=shift_sigma(level_B, params.video_shift),
        video_noise=torch.randn(batch, *video_shape, generator=generator),
        bridge_on_B=_kept(batch, params.bridge_dropout, generator),
        first_given_B=_kept(batch, 1 - params.image_conditioning_prob, generator),
    )


def expert_of(step: int) -> str:
    """The expert that an optimizer step trains: high noise first, then in turn."""
    return EXPERTS[step % 2]


def expert_levels(expert: str, video_shift: float, boundary_ratio: float) -> tuple[float, float]:
    """The expert's share of the unshifted levels, from (included) and to: 0.642857 divides them at shift 5."""
    boundary = unshift_sigma(boundary_ratio, video_shift)
    return (boundary, 1.0) if expert == EXPERTS[0] else (0.0, boundary)


def rows_of(seed: int, phase: int, step: int, batch: int, clips: int) -> Tensor:
    """Which clips a step sees, int64 [B]: every clip once an epoch, each epoch in an order of its own."""
    positions = range(step * batch, (step + 1) * batch)
    epochs = sorted({position // clips for position in positions})
    orders = {epoch: _order(seed, phase, epoch, clips) for epoch in epochs}
    return torch.stack([orders[position // clips][position % clips] for position in positions])


def share_of(draws: Draws, index: int, count: int) -> Draws:
    """Rows `index`, `index + count`, … of a batch."""
    parts: dict[str, Any] = {field.name: getattr(draws, field.name)[index::count] for field in fields(draws)}
    return replace(draws, **parts)


@lru_cache(maxsize=4)
def _order(seed: int, phase: int, epoch: int, clips: int) -> Tensor:
    return torch.randperm(clips, generator=generator_of(seed, phase, Stream.ORDER, epoch))


def _draw_audio(
    params: AudioPhaseParams, batch: int, shape: torch.Size, generator: torch.Generator
) -> dict[str, Tensor]:
    return {
        "audio_sigma_B": shift_sigma(torch.rand(batch, generator=generator), params.audio_shift),
        "audio_noise": torch.randn(batch, *shape, generator=generator),
        "text_kept_B": _kept(batch, params.text_dropout, generator),
    }


def _kept(batch: int, dropout: float, generator: torch.Generator) -> Tensor:
    return torch.rand(batch, generator=generator) >= dropout
