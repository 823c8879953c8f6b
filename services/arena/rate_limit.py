"""Token buckets in this process's memory: what one session and one address may ask for.

A bucket holds `burst` tokens and is refilled at a constant rate; a request takes one. Several processes behind one name
each count for themselves, and a restart forgets.
"""

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable

MOST_KEYS = 10_000  # buckets kept; beyond that those that were used longest ago are forgotten
IPV6_PREFIX = 64  # one network of a provider's customer


class TokenBuckets:
    """One bucket a key. To be used from one thread, such as an event loop's.

    Args:
        burst: tokens of a full bucket.
        per_s: tokens a second.
        clock: seconds that only grow.
    """

    def __init__(self, burst: int, per_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst, self._per_s, self._clock = burst, per_s, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # key -> tokens, and when they were that

    def take(self, key: str) -> float:
        """Take a token.

        Returns:
            Seconds until there is one again; 0: it was taken.
        """
        now = self._clock()
        tokens, since = self._buckets.pop(key, (float(self._burst), now))
        tokens = min(self._burst, tokens + (now - since) * self._per_s)
        taken = tokens >= 1
        self._buckets[key] = (tokens - taken, now)
        if len(self._buckets) > MOST_KEYS:
            self._buckets.popitem(last=False)
        return 0.0 if taken else (1 - tokens) / self._per_s


def network_of(address: str) -> str:
    """What counts as one address: an IPv4 address, or an IPv6 network of 64 bits."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address  # no address of the internet, such as a test client's
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, IPV6_PREFIX), strict=False))
    return str(found)
