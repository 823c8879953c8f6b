"""A request is made again, ever later, while a store does not answer: a restart of it is not the end of a run."""

import time
from collections.abc import Callable
from time import sleep
from typing import TypeVar

from mova_core.storage.object_store.s3_access import NoAnswer

RETRY_FOR_S = 30.0  # since the first failure
FIRST_DELAY_S, LONGEST_DELAY_S = 0.1, 4.0

Answer = TypeVar("Answer")


def until_answered(request: Callable[[], Answer]) -> Answer:
    """What a request gives. It must do no harm when it is made again.

    Raises:
        NoAnswer: there was none for `RETRY_FOR_S` seconds; the last failure's sentence.
    """
    delay, end = FIRST_DELAY_S, None
    while True:
        try:
            return request()
        except NoAnswer:
            now = time.monotonic()
            end = now + RETRY_FOR_S if end is None else end
            if now + delay > end:
                raise
        sleep(delay)
        delay = min(2 * delay, LONGEST_DELAY_S)
