"""Which clips a step trains on: a function of (seed, phase, step) alone, however many processes there are.

A batch comes from one bucket, drawn by its share of the clips. A bucket goes through its clips epoch after epoch, and a
batch may straddle two. In an epoch the shards come in an order of its own and clips are shuffled within a window of so
many shards, so that no more need to be open at a time.

Clips of weight w come w times an epoch, where w is no whole number on average: by systematic sampling (evenly spaced
places along the cumulated weights, from a start drawn for each epoch), so that every epoch has as many clips.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mova_core.training.data.index import Bucket
from mova_core.training.step_sampling import Stream, generator_of

BLOCK = 4096  # steps whose buckets are drawn together


class BatchOrder:
    """The batches of a phase.

    Args:
        buckets: its clips, by shape.
        weights: of each bucket's clips, above 0.
        batch: clips a step.
        window: shards that are shuffled together.
        seed: of everything random.
        phase: number of the phase.
    """

    def __init__(
        self,
        buckets: Sequence[Bucket],
        weights: Sequence[NDArray[np.float64]],
        batch: int,
        window: int,
        seed: int,
        phase: int,
    ) -> None:
        self._shard_ends = [bucket.shard_sizes.cumsum() for bucket in buckets]
        self._weight_ends = [of_bucket.cumsum() for of_bucket in weights]
        self._epoch_clips = [max(1, round(float(ends[-1]))) for ends in self._weight_ends]
        self._batch, self._window, self._seed, self._phase = batch, window, seed, phase
        clips = np.array([ends[-1] for ends in self._weight_ends])
        self._share_ends = np.cumsum(clips / clips.sum())[:-1]
        self._counts = lru_cache(2 * len(buckets))(self._draw_counts)
        # A batch touches few epochs and windows, and the next one mostly the same.
        self._shard_order = lru_cache(2 * len(buckets))(self._draw_shard_order)
        self._window_order = lru_cache(4 * len(buckets))(self._draw_window_order)
        self._block = lru_cache(2)(self._draw_block)

    def of_step(self, step: int) -> tuple[int, Tensor]:
        """The bucket of a step, and the numbers of its clips there, int64 [B]."""
        bucket, earlier = self._bucket_of(step)
        epoch_clips, first = self._epoch_clips[bucket], earlier * self._batch
        places = (divmod(position, epoch_clips) for position in range(first, first + self._batch))
        return bucket, torch.tensor([self._clip(bucket, epoch, position) for epoch, position in places])

    def _bucket_of(self, step: int) -> tuple[int, int]:
        """The bucket of a step, and in how many earlier steps it had its turn."""
        if len(self._epoch_clips) == 1:
            return 0, step
        labels, before = self._block(step // BLOCK)
        bucket = int(labels[step % BLOCK])
        return bucket, int(before[bucket] + np.count_nonzero(labels[: step % BLOCK] == bucket))

    def _draw_block(self, block: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Buckets of the steps of a block, and turns of each bucket before it."""
        before = np.zeros(len(self._epoch_clips), np.int64)
        for earlier in range(block):
            before += np.bincount(self._labels(earlier), minlength=len(before))
        return self._labels(block), before

    def _labels(self, block: int) -> NDArray[np.int64]:
        generator = generator_of(self._seed, self._phase, Stream.BUCKET, block)
        return np.searchsorted(self._share_ends, torch.rand(BLOCK, generator=generator).numpy(), side="right")

    def _clip(self, bucket: int, epoch: int, position: int) -> int:
        """The clip at a position of an epoch."""
        _, ends = self._shard_order(bucket, epoch)
        window = int(np.searchsorted(ends, position, side="right"))
        start = int(ends[window - 1]) if window else 0
        return int(self._window_order(bucket, epoch, window)[position - start])

    def _draw_counts(self, bucket: int, epoch: int) -> NDArray[np.int64]:
        """How often each clip comes in an epoch."""
        ends, clips = self._weight_ends[bucket], self._epoch_clips[bucket]
        if ends[-1] == len(ends):  # nearly always: each clip once
            ones: NDArray[np.int64] = np.diff(ends, prepend=0.0).astype(np.int64)
            if (ones == 1).all():
                return ones
        start = float(torch.rand((), generator=self._generator(bucket, epoch, stream=Stream.WEIGHT)))
        places = (np.arange(clips) + start) * ends[-1] / clips
        drawn = np.searchsorted(ends, np.minimum(places, np.nextafter(ends[-1], 0)), side="right")
        return np.bincount(drawn, minlength=len(ends))

    def _draw_shard_order(self, bucket: int, epoch: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The shards of an epoch in order, and where each of its windows ends."""
        counts, ends = self._counts(bucket, epoch), self._shard_ends[bucket]
        sizes = np.diff(np.concatenate([[0], counts.cumsum()])[ends], prepend=0)
        if len(sizes) <= self._window:
            return np.arange(len(sizes)), sizes.sum(keepdims=True)
        shards = torch.randperm(len(sizes), generator=self._generator(bucket, epoch)).numpy()
        return shards, np.add.reduceat(sizes[shards], range(0, len(sizes), self._window)).cumsum()

    def _draw_window_order(self, bucket: int, epoch: int, window: int) -> NDArray[np.int64]:
        """The clips of a window, shuffled."""
        shards, _ = self._shard_order(bucket, epoch)
        windows = [window] if len(shards) > self._window else []  # of a single one the draw has no number
        counts, ends = self._counts(bucket, epoch), self._shard_ends[bucket]
        chosen = shards[window * self._window : (window + 1) * self._window]
        numbers = np.concatenate([np.arange(ends[shard - 1] if shard else 0, ends[shard]) for shard in chosen])
        clips = np.repeat(numbers, counts[numbers])
        return clips[torch.randperm(len(clips), generator=self._generator(bucket, epoch, *windows)).numpy()]

    def _generator(self, bucket: int, epoch: int, *window: int, stream: Stream = Stream.ORDER) -> torch.Generator:
        return generator_of(self._seed, self._phase, stream, epoch * len(self._epoch_clips) + bucket, *window)
