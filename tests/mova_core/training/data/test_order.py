"""The order of the clips: each once an epoch, from few shards at a time, a function of seed and step."""

import numpy as np
import pytest
import torch

from mova_core.training.data.index import Bucket
from mova_core.training.data.order import BatchOrder
from mova_core.training.step_sampling import Stream, generator_of

SEED, PHASE = 3, 1


def bucket(*sizes: int) -> Bucket:
    return Bucket(
        tuple(map(str, range(len(sizes)))),
        np.repeat(np.arange(len(sizes)), sizes),
        np.concatenate([np.arange(size) for size in sizes]),
        (None,),
        np.zeros(sum(sizes), np.int64),
    )


def batch_order(buckets: list[Bucket], batch: int, window: int, seed: int = SEED, phase: int = PHASE) -> BatchOrder:
    """Of clips that all weigh 1."""
    return BatchOrder(buckets, [np.ones(len(each)) for each in buckets], batch, window, seed, phase)


def clips_of(order: BatchOrder, steps: int) -> list[int]:
    return torch.cat([order.of_step(step)[1] for step in range(steps)]).tolist()


def test_where_all_shards_are_in_the_window_an_epoch_is_one_permutation():
    clips = clips_of(batch_order([bucket(4, 3, 3)], 4, window=3), 5)
    orders = [torch.randperm(10, generator=generator_of(SEED, PHASE, Stream.ORDER, epoch)) for epoch in range(2)]
    assert clips == torch.cat(orders).tolist()


@pytest.mark.parametrize("window", [1, 2, 4])
def test_every_clip_is_seen_once_an_epoch_and_a_window_is_finished_before_the_next(window):
    shards = bucket(3, 5, 1, 4, 2, 6, 3)
    order = batch_order([shards], 4, window)
    clips = clips_of(order, 12)
    first, second = clips[:24], clips[24:]
    assert sorted(first) == sorted(second) == list(range(24)) and first != second
    seen = list(dict.fromkeys(shards.shard_of_N[first].tolist()))
    for start in range(0, len(seen), window):
        of_window = np.isin(shards.shard_of_N[first], seen[start : start + window]).nonzero()[0]
        assert of_window.tolist() == list(range(of_window[0], of_window[-1] + 1))


@pytest.mark.parametrize("sizes", [[(3, 5, 1, 4)], [(3, 5), (2, 2)], [(1,)]])
def test_a_step_is_the_same_whatever_was_asked_before(sizes):
    def order() -> BatchOrder:
        return batch_order([bucket(*each) for each in sizes], 3, 2)

    straight = order()
    everything = [straight.of_step(step) for step in range(20)]
    for step in (13, 2, 19):
        number, clips = order().of_step(step)
        assert number == everything[step][0] and torch.equal(clips, everything[step][1])


def test_a_batch_is_of_one_bucket_drawn_by_its_share(monkeypatch):
    monkeypatch.setattr("mova_core.training.data.order.BLOCK", 64)  # so that several are counted
    order = batch_order([bucket(6, 6), bucket(4)], 4, window=1)
    drawn = [order.of_step(step) for step in range(400)]
    counts = np.bincount([number for number, _ in drawn])
    assert abs(counts[0] / 400 - 0.75) < 4 * (0.75 * 0.25 / 400) ** 0.5
    for number, clips in ((0, 12), (1, 4)):
        seen = torch.cat([batch for of, batch in drawn if of == number])
        epochs = seen[: len(seen) // clips * clips].reshape(-1, clips)
        assert (epochs.sort(1).values == torch.arange(clips)).all()


def test_one_clip_is_enough():
    assert batch_order([bucket(1)], 3, 2).of_step(7)[1].tolist() == [0, 0, 0]


@pytest.mark.parametrize("window", [1, 2, 8])
def test_a_clip_of_weight_w_comes_w_times_an_epoch_and_of_a_fraction_in_some(window):
    shards = bucket(3, 5, 1, 4, 2, 6, 3)
    weights = np.tile([2.0, 0.5, 1.0, 0.25], 6)
    order = BatchOrder([shards], [weights], 5, window, SEED, PHASE)
    epoch_clips, epochs = round(weights.sum()), 40
    clips = np.array(clips_of(order, epochs * epoch_clips // 5))[: epochs * epoch_clips].reshape(-1, epoch_clips)
    counts = np.stack([np.bincount(each, minlength=24) for each in clips])
    scaled = weights * epoch_clips / weights.sum()  # an epoch has a whole number of clips
    assert (np.floor(scaled) <= counts).all() and (counts <= np.ceil(scaled)).all()
    assert np.abs(counts.mean(0) - scaled).max() < 4 * (0.25 / epochs) ** 0.5


def test_weights_decide_the_share_of_a_bucket_too():
    order = BatchOrder([bucket(4), bucket(4)], [np.full(4, 3.0), np.ones(4)], 2, 1, SEED, PHASE)
    drawn = np.array([order.of_step(step)[0] for step in range(400)])
    assert abs((drawn == 0).mean() - 0.75) < 4 * (0.75 * 0.25 / 400) ** 0.5
