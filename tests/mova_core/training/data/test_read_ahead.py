"""The next step's part is read while the present one is computed, in one thread, and never beyond the last step."""

import itertools
import threading

import pytest
import torch

from mova_core.training.data import read_ahead
from mova_core.training.data.read_ahead import ReadAhead
from mova_core.training.strategy.micro_batch import MicroBatch

ONE, TWO = (MicroBatch(index, 2, torch.device("cpu")) for index in range(2))


def test_parts_are_those_asked_for_and_the_next_is_read_meanwhile():
    read, threads = [], set()
    last = threading.Event()

    def part(step, micro_batch):
        threads.add(threading.get_ident())
        read.append((step, micro_batch.index))
        if read.count((3, 1)):
            last.set()
        return step, micro_batch.index

    ahead = ReadAhead(part, steps=4)
    assert [ahead(step, each) for step in range(3) for each in (ONE, TWO)] == [(s, i) for s in range(3) for i in (0, 1)]
    assert last.wait(5)  # without being asked for
    assert [ahead(3, each) for each in (ONE, TWO)] == [(3, 0), (3, 1)]
    assert sorted(read) == sorted(set(read)) == [(step, index) for step in range(4) for index in (0, 1)]
    assert len(threads) == 1 and threads != {threading.get_ident()}


def test_an_error_is_raised_at_the_step_that_it_belongs_to():
    def part(step, micro_batch):
        if step == 1:
            raise ValueError("a damaged shard")
        return step

    ahead = ReadAhead(part, steps=3)
    assert ahead(0, ONE) == 0
    with pytest.raises(ValueError, match="a damaged shard"):
        ahead(1, ONE)


def test_time_in_which_anyone_waits_counts_once(monkeypatch):
    """A clock that moves one second a look: at the first to wait, and at the last to be served."""
    seconds = itertools.count()
    monkeypatch.setattr(read_ahead.time, "perf_counter", lambda: next(seconds))
    ahead = ReadAhead(lambda step, micro_batch: step, steps=3)
    for done in range(1, 4):
        with ahead._wait():  # another one waits meanwhile
            assert ahead(done - 1, ONE) == done - 1
        assert ahead.waited_s == done
