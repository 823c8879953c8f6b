"""Everything random in a training step: functions of (seed, phase, step) alone.

No generator lives longer than a step, so a stopped run goes on with the same numbers and has no random state to save.
A step is sampled for the whole batch, of which each thread and process takes its micro-batch; the noise of each place
in the batch is drawn apart. So two processes train on the same clips and noise as one, and none draws another's noise.
Shape suffix: B batch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from enum import IntEnum
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from mova_core.flow_matching import shift_sigma
from mova_core.model.tasks import TASKS, Task
from mova_core.params.model import AudioPhaseParams, JointPhaseParams, TaskWeights


class Stream(IntEnum):
    """What a generator is for: the streams of one seed never meet."""

    STEP = 0
    ORDER = 1
    VALIDATION = 2
    BUCKET = 3
    LORA_DROPOUT = 4
    WEIGHT = 5


def seed_of(seed: int, phase: int, stream: Stream, *index: int) -> int:
    """The seed of a generator for this purpose alone."""
    (word,) = np.random.SeedSequence([seed, phase, stream, *index]).generate_state(1, np.uint64)
    return int(word) >> 1


def generator_of(seed: int, phase: int, stream: Stream, *index: int) -> torch.Generator:
    """A generator for this purpose alone, on the processor."""
    return torch.Generator().manual_seed(seed_of(seed, phase, stream, *index))


def noise_of(generators: Sequence[torch.Generator], *shapes: torch.Size) -> list[Tensor]:
    """Standard normal noise of each shape [B, …], a generator a clip."""
    rows = [[torch.randn(shape, generator=generator) for shape in shapes] for generator in generators]
    return [torch.stack(noise) for noise in zip(*rows, strict=True)]


@dataclass(frozen=True, slots=True)
class AudioStep:
    """What a step of the audio tower alone samples.

    Args:
        audio_sigma_B: noise levels.
        text_mask_B: text dropout mask, bool, False where the empty text takes the caption's place.
        caption_B: in [0, 1), decides between the kinds of caption.
    """

    audio_sigma_B: Tensor
    text_mask_B: Tensor
    caption_B: Tensor


@dataclass(frozen=True, slots=True)
class JointStep(AudioStep):
    """What a step of both towers samples; every row of every field on its own.

    Args:
        video_sigma_B: noise levels within the expert's range.
        bridge_mask_B: bool, False where the Bridge is off.
        first_given_B: bool, True where the first frame conditions the video, False where a white one does.
        last_given_B: bool, True where the last frame does too.
        video_learns_B: bool, False where the video is given or absent: its loss does not count.
        audio_learns_B: the same of the audio.
    """

    video_sigma_B: Tensor
    bridge_mask_B: Tensor
    first_given_B: Tensor
    last_given_B: Tensor
    video_learns_B: Tensor
    audio_learns_B: Tensor


AnyStep = TypeVar("AnyStep", bound=AudioStep)


def sample_audio_step(params: AudioPhaseParams, batch: int, generator: torch.Generator) -> AudioStep:
    """Sample a batch."""
    return AudioStep(**_audio_fields(params, batch, generator))


def sample_joint_step(
    params: JointPhaseParams, batch: int, levels: tuple[float, float], generator: torch.Generator
) -> JointStep:
    """Sample a batch.

    Args:
        params: shifts and dropouts.
        batch: clips.
        levels: unshifted levels of the video from (included) and to, see `expert_levels`.
        generator: where the numbers come from.
    """
    low, high = levels
    level_B = low + (high - low) * torch.rand(batch, generator=generator)
    audio = _audio_fields(params, batch, generator)
    bridge_mask_B = _mask(batch, params.bridge_dropout, generator)
    tasks = _tasks(params.tasks, torch.rand(batch, generator=generator))

    def where(holds: Callable[[Task], bool]) -> Tensor:
        return torch.tensor([holds(task) for task in tasks])

    video_sigma_B = shift_sigma(level_B, params.video_shift)
    return JointStep(
        audio_sigma_B=audio["audio_sigma_B"].masked_fill(where(lambda task: task.audio == "given"), 0.0),
        text_mask_B=audio["text_mask_B"],
        caption_B=audio["caption_B"],
        video_sigma_B=video_sigma_B.masked_fill(where(lambda task: task.video == "given"), 0.0),
        bridge_mask_B=bridge_mask_B & where(lambda task: task.bridge),
        first_given_B=where(lambda task: task.first_frame),
        last_given_B=where(lambda task: task.last_frame),
        video_learns_B=where(lambda task: task.video == "noised"),
        audio_learns_B=where(lambda task: task.audio == "noised"),
    )


def micro_batch_of(sample: AnyStep, rows: slice) -> AnyStep:
    """These rows of a batch's sample."""
    parts: dict[str, Any] = {field.name: getattr(sample, field.name)[rows] for field in fields(sample)}
    return replace(sample, **parts)


def _audio_fields(params: AudioPhaseParams, batch: int, generator: torch.Generator) -> dict[str, Tensor]:
    return {
        "audio_sigma_B": shift_sigma(torch.rand(batch, generator=generator), params.audio_shift),
        "text_mask_B": _mask(batch, params.text_dropout, generator),
        "caption_B": torch.rand(batch, generator=generator),
    }


def _tasks(weights: TaskWeights, place_B: Tensor) -> list[Task]:
    """The task of each clip, by its place in [0, 1)."""
    ends = np.cumsum([getattr(weights, name) for name in TASKS])
    rows = np.searchsorted(ends[:-1] / ends[-1], place_B.numpy(), side="right")
    return [tuple(TASKS.values())[row] for row in rows]


def _mask(batch: int, dropout: float, generator: torch.Generator) -> Tensor:
    return torch.rand(batch, generator=generator) >= dropout
