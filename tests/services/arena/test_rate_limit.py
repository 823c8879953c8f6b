"""Token buckets: a burst, then a constant rate; what counts as one address."""

import pytest

from services.arena import rate_limit
from services.arena.rate_limit import TokenBuckets, network_of


def test_a_burst_then_a_constant_rate() -> None:
    now = 0.0
    buckets = TokenBuckets(burst=3, per_s=0.5, clock=lambda: now)
    assert [buckets.take("x") for _ in range(4)] == [0, 0, 0, 2.0]
    now = 1.0
    assert buckets.take("x") == 1.0
    now = 2.0
    assert buckets.take("x") == 0
    now = 1000.0
    assert [buckets.take("x") for _ in range(4)] == [0, 0, 0, 2.0]  # no more than a full bucket


def test_each_key_has_a_bucket_of_its_own() -> None:
    buckets = TokenBuckets(burst=1, per_s=1, clock=lambda: 0.0)
    assert [buckets.take(key) for key in ("x", "y", "x")] == [0, 0, 1.0]


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit, "MOST_KEYS", 3)
    buckets = TokenBuckets(burst=1, per_s=1, clock=lambda: 0.0)
    for key in ("old", "x", "y", "z"):
        buckets.take(key)
    assert buckets.take("z") == 1.0 and buckets.take("old") == 0


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_what_counts_as_one_address(address: str, network: str) -> None:
    assert network_of(address) == network
