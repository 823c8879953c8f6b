"""Everything random in a training step, and the order of the data: functions of (seed, phase, step) alone.

No generator lives longer than a step, so a stopped run goes on with the same numbers and has no random state to save.
A step is sampled for the whole batch, of which each thread and process takes its micro-batch: two of them train on the
same clips, noise and noise levels as one.
Shape suffixes: B batch; C channels, T latent frames, h w latent rows and columns, L audio latents.
"""

from dataclasses import dataclass, fields, replace
from enum import IntEnum
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from mova_core.flow_matching import shift_sigma
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
class AudioStep:
    """What a step of the audio tower alone samples.

    Args:
        audio_noise: standard normal [B, C, L].
        audio_sigma_B: noise levels.
        text_mask_B: text dropout mask, bool, False where the empty text takes the caption's place.
    """

    audio_noise: Tensor
    audio_sigma_B: Tensor
    text_mask_B: Tensor


@dataclass(frozen=True, slots=True)
class JointStep(AudioStep):
    """What a step of both towers samples; every row of every field on its own.

    Args:
        video_noise: standard normal [B, C, T, h, w].
        video_sigma_B: noise levels within the expert's range.
        bridge_mask_B: bool, False where the Bridge is off.
        image_given_B: bool, True where the first frame conditions the video, False where a white one does.
    """

    video_noise: Tensor
    video_sigma_B: Tensor
    bridge_mask_B: Tensor
    image_given_B: Tensor


AnyStep = TypeVar("AnyStep", bound=AudioStep)


def sample_audio_step(params: AudioPhaseParams, batch: int, shape: torch.Size, generator: torch.Generator) -> AudioStep:
    """Sample a batch; `shape` is that of one clip's audio latents [C, L]."""
    return AudioStep(**_audio_fields(params, batch, shape, generator))


def sample_joint_step(
    params: JointPhaseParams,
    batch: int,
    audio_shape: torch.Size,
    video_shape: torch.Size,
    levels: tuple[float, float],
    generator: torch.Generator,
) -> JointStep:
    """Sample a batch.

    Args:
        params: shifts and dropouts.
        batch: clips.
        audio_shape: of one clip's audio latents [C, L].
        video_shape: of one clip's video latents [C, T, h, w].
        levels: unshifted levels of the video from (included) and to, see `expert_levels`.
        generator: where the numbers come from.
    """
    low, high = levels
    level_B = low + (high - low) * torch.rand(batch, generator=generator)
    return JointStep(
        **_audio_fields(params, batch, audio_shape, generator),
        video_sigma_B=shift_sigma(level_B, params.video_shift),
        video_noise=torch.randn(batch, *video_shape, generator=generator),
        bridge_mask_B=_mask(batch, params.bridge_dropout, generator),
        image_given_B=_mask(batch, 1 - params.image_conditioning_prob, generator),
    )


def batch_indices(seed: int, phase: int, step: int, batch: int, clips: int) -> Tensor:
    """Which clips a step sees, int64 [B]: every clip once an epoch, each epoch in an order of its own."""
    positions = range(step * batch, (step + 1) * batch)
    epochs = sorted({position // clips for position in positions})
    orders = {epoch: _order(seed, phase, epoch, clips) for epoch in epochs}
    return torch.stack([orders[position // clips][position % clips] for position in positions])


def micro_batch_of(sample: AnyStep, rows: slice) -> AnyStep:
    """These rows of a batch's sample."""
    parts: dict[str, Any] = {field.name: getattr(sample, field.name)[rows] for field in fields(sample)}
    return replace(sample, **parts)


@lru_cache(maxsize=4)
def _order(seed: int, phase: int, epoch: int, clips: int) -> Tensor:
    return torch.randperm(clips, generator=generator_of(seed, phase, Stream.ORDER, epoch))


def _audio_fields(
    params: AudioPhaseParams, batch: int, shape: torch.Size, generator: torch.Generator
) -> dict[str, Tensor]:
    return {
        "audio_sigma_B": shift_sigma(torch.rand(batch, generator=generator), params.audio_shift),
        "audio_noise": torch.randn(batch, *shape, generator=generator),
        "text_mask_B": _mask(batch, params.text_dropout, generator),
    }


def _mask(batch: int, dropout: float, generator: torch.Generator) -> Tensor:
    return torch.rand(batch, generator=generator) >= dropout
