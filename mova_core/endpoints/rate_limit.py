"""At most so many requests a minute to one endpoint, evenly spaced."""

import threading
import time


class RateLimit:
    """Turns of an endpoint; safe to use from several threads.

    The virtual scheduling form of the generic cell rate algorithm (ITU-T I.371) without a burst.

    Args:
        per_minute: requests; None for no limit.
    """

    def __init__(self, per_minute: float | None = None) -> None:
        self._interval_s = 60 / per_minute if per_minute else 0.0
        self._next_s = 0.0
        self._lock = threading.Lock()

    def reserve(self) -> float:
        """Take the next turn; returns the seconds to wait for it."""
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next_s)
            self._next_s = turn + self._interval_s
            return turn - now
