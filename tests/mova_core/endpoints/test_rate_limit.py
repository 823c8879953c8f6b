"""Turns are evenly spaced, and none is saved up for later."""

import pytest

from mova_core.endpoints import rate_limit
from mova_core.endpoints.rate_limit import RateLimit


@pytest.fixture
def clock(monkeypatch):
    """A time that stands still unless a test moves it."""
    now = [100.0]
    monkeypatch.setattr(rate_limit.time, "monotonic", lambda: now[0])
    return now


def test_turns_are_evenly_spaced(clock):
    limit = RateLimit(per_minute=30)
    assert [limit.reserve() for _ in range(4)] == [0, 2, 4, 6]


def test_time_without_requests_is_not_saved_up(clock):
    limit = RateLimit(per_minute=30)
    limit.reserve()
    clock[0] += 60
    assert [limit.reserve() for _ in range(2)] == [0, 2]


def test_without_a_limit_nobody_waits(clock):
    assert [RateLimit().reserve() for _ in range(3)] == [0, 0, 0]
