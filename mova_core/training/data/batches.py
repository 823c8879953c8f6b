"""What a step computes with: clips, noise, noise levels and dropouts of one micro-batch, on the processor.

Shape suffixes: B batch; video [B, C, T, h, w], audio [B, C, L].
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Generic, TypeVar

import torch
from torch import Tensor

from mova_core.flow_matching.experts import BOUNDARY_RATIO, EXPERTS, expert_levels, expert_of
from mova_core.model.condition import condition_from
from mova_core.model.towers.dual_tower import LatentPair
from mova_core.params.model import AudioPhaseParams, JointPhaseParams, TrainParams
from mova_core.training.data.clips import BatchContext, ClipReader
from mova_core.training.data.index import Bucket, buckets_of
from mova_core.training.data.order import BatchOrder
from mova_core.training.data.origins import captions_of, kinds_of, weights_of
from mova_core.training.recipe import Phase
from mova_core.training.step_sampling import (
    AnyStep,
    AudioStep,
    JointStep,
    Stream,
    generator_of,
    micro_batch_of,
    noise_of,
    sample_audio_step,
    sample_joint_step,
)
from mova_core.training.strategy.micro_batch import MicroBatch

VALIDATION_CLIPS = 48  # the first so many of each shape's share, the same each time


@dataclass(frozen=True, slots=True)
class AudioPart:
    """Of a step of the audio tower alone.

    Args:
        clean: audio latents [B, C, L].
        noise: standard normal, same shape.
        sigma_B: noise levels.
        context: encoded texts.
    """

    clean: Tensor
    noise: Tensor
    sigma_B: Tensor
    context: BatchContext


@dataclass(frozen=True, slots=True)
class JointPart:
    """Of a step of both towers.

    Args:
        clean: latents.
        noise: standard normal, same shapes.
        sigma_B2: noise levels, column 0 video, 1 audio.
        condition: mask and condition latents [B, C', T, h, w].
        context: encoded texts.
        bridge_mask_B: bool, False where the Bridge is off.
        learns_B2: bool, whether the loss of video (column 0) and audio counts.
        expert: that the video goes through.
    """

    clean: LatentPair
    noise: LatentPair
    sigma_B2: Tensor
    condition: Tensor
    context: BatchContext
    bridge_mask_B: Tensor
    learns_B2: Tensor
    expert: str


Part = TypeVar("Part", AudioPart, JointPart)


class Batches(ABC, Generic[Part, AnyStep]):
    """The batches of a phase; everything is a function of (seed, phase, step).

    Args:
        folder: latents at the phase's geometry.
        phase: which.
        train: section `train`.
        seed: of everything random.

    Raises:
        UsageError, StaleError: as `ClipReader`.
    """

    by_canvas: bool

    def __init__(self, folder: Path, phase: Phase, train: TrainParams, seed: int) -> None:
        own = phase.params(train)
        self.reader = ClipReader(folder, train.shards_in_memory)
        self._batch, self._rows_at_once = own.batch, max(1, own.batch // train.micro_batches_of(own.batch))
        self._seed, self._phase = seed, phase.number
        self._own, self._caption = own, phase.caption
        self._audio = "audio_lufs" if own.normalize_loudness else "audio"
        self._buckets, held_out = (
            buckets_of(folder, phase.name, split, by_canvas=self.by_canvas) for split in ("train", "validation")
        )
        # Where none are held out, as with a few clips of one's own, the training clips are looked at again.
        self._held_out = _shares(held_out or self._buckets, VALIDATION_CLIPS)
        weights = [weights_of(bucket, own) for bucket in self._buckets]
        self._order = BatchOrder(self._buckets, weights, own.batch, train.shards_in_memory, seed, phase.number)
        self._step = lru_cache(2)(self._sample_step)  # the micro-batches of a step come one after the other

    def part(self, step: int, micro_batch: MicroBatch) -> Part:
        """A micro-batch of a training step."""
        bucket, clips_B, sample = self._step(step)
        noise = [self._generator(Stream.STEP, step, row) for row in range(self._batch)[micro_batch.rows]]
        sample = micro_batch_of(sample, micro_batch.rows)
        return self._part(self._buckets[bucket], clips_B[micro_batch.rows].tolist(), sample, noise, expert_of(step))

    def validation(self, expert: str = EXPERTS[0]) -> Iterator[Part]:
        """The validation clips, always with the same noise, in micro-batches."""
        number, count = EXPERTS.index(expert), sum(clips for _, clips in self._held_out)
        sample = self._sample(count, expert, self._generator(Stream.VALIDATION, number))
        first = 0
        for bucket, clips in self._held_out:
            for start in range(0, clips, self._rows_at_once):
                chosen = range(start, min(start + self._rows_at_once, clips))
                rows = slice(first + chosen.start, first + chosen.stop)
                noise = [self._generator(Stream.VALIDATION, number, row) for row in range(rows.start, rows.stop)]
                yield self._part(bucket, chosen, micro_batch_of(sample, rows), noise, expert)
            first += clips

    def sizes(self) -> dict[str, int]:
        """Channels of the latents, and width of a context: `video` (joint phases), `audio`, `text`."""
        names = ("video", "audio") if self.by_canvas else ("audio",)
        channels = {name: self.reader.shape(name, self._buckets[0])[0] for name in names}
        return channels | {"text": self.reader.constants.empty_context.shape[1]}

    @abstractmethod
    def _sample(self, batch: int, expert: str, generator: torch.Generator) -> AnyStep:
        """What a step samples for a whole batch."""

    @abstractmethod
    def _part(
        self, bucket: Bucket, clips: Sequence[int], sample: AnyStep, noise: Sequence[torch.Generator], expert: str
    ) -> Part:
        """These clips with what was sampled for them; a generator of noise for each."""

    def _context(self, bucket: Bucket, clips: Sequence[int], sample: AudioStep) -> BatchContext:
        kinds = [kinds_of(captions_of(origin, self._own), self._caption) for origin in bucket.origins]
        kinds_B = [kinds[bucket.origin_of_N[clip]] for clip in clips]
        return self.reader.context(bucket, clips, kinds_B, sample.text_mask_B, sample.caption_B)

    def _sample_step(self, step: int) -> tuple[int, Tensor, AnyStep]:
        sample = self._sample(self._batch, expert_of(step), self._generator(Stream.STEP, step))
        return *self._order.of_step(step), sample

    def _generator(self, stream: Stream, *index: int) -> torch.Generator:
        return generator_of(self._seed, self._phase, stream, *index)


class AudioBatches(Batches[AudioPart, AudioStep]):
    """For the audio tower alone, which reads no video."""

    by_canvas = False

    def __init__(self, folder: Path, phase: Phase, train: TrainParams, seed: int) -> None:
        super().__init__(folder, phase, train, seed)
        self._params: AudioPhaseParams = phase.params(train)

    def _sample(self, batch: int, expert: str, generator: torch.Generator) -> AudioStep:
        return sample_audio_step(self._params, batch, generator)

    def _part(
        self, bucket: Bucket, clips: Sequence[int], sample: AudioStep, noise: Sequence[torch.Generator], expert: str
    ) -> AudioPart:
        clean = self.reader.latents(self._audio, bucket, clips)
        (audio_noise,) = noise_of(noise, clean.shape[1:])
        return AudioPart(clean, audio_noise, sample.audio_sigma_B, self._context(bucket, clips, sample))


class JointBatches(Batches[JointPart, JointStep]):
    """For both towers and the Bridge."""

    by_canvas = True

    def __init__(self, folder: Path, phase: Phase, train: TrainParams, seed: int) -> None:
        super().__init__(folder, phase, train, seed)
        params = phase.params(train)
        assert isinstance(params, JointPhaseParams)
        self._params = params

    def _sample(self, batch: int, expert: str, generator: torch.Generator) -> JointStep:
        levels = expert_levels(expert, self._params.video_shift, BOUNDARY_RATIO)
        return sample_joint_step(self._params, batch, levels, generator)

    def _part(
        self, bucket: Bucket, clips: Sequence[int], sample: JointStep, noise: Sequence[torch.Generator], expert: str
    ) -> JointPart:
        clean = LatentPair(*(self.reader.latents(name, bucket, clips) for name in ("video", self._audio)))
        return JointPart(
            clean,
            LatentPair(*noise_of(noise, clean.video.shape[1:], clean.audio.shape[1:])),
            torch.stack([sample.video_sigma_B, sample.audio_sigma_B], dim=1),
            self._condition(bucket, clips, sample),
            self._context(bucket, clips, sample),
            sample.bridge_mask_B,
            torch.stack([sample.video_learns_B, sample.audio_learns_B], dim=1),
            expert,
        )

    def _condition(self, bucket: Bucket, clips: Sequence[int], sample: JointStep) -> Tensor:
        first = self.reader.latents("condition", bucket, clips)
        white = self.reader.constants.white(*first.shape[-2:])
        given = torch.where(sample.first_given_B.view(-1, 1, 1, 1, 1), first, white)
        if bool(sample.last_given_B.any()):
            last = self.reader.latents("condition_last", bucket, clips)
            given[:, :, -1:] = torch.where(sample.last_given_B.view(-1, 1, 1, 1, 1), last, given[:, :, -1:])
        return condition_from(given, sample.last_given_B)


def _shares(buckets: Sequence[Bucket], clips: int) -> list[tuple[Bucket, int]]:
    """The first clips of each bucket, by its share, at least one; all where there are no more."""
    total = sum(map(len, buckets))
    return [(bucket, min(len(bucket), max(1, round(clips * len(bucket) / total)))) for bucket in buckets]
