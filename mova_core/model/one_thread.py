"""Torch on one thread: sums come in one order, whatever the machine. Who wants two cores runs two such threads."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Each operation on the thread that asks for it, as long as this is open."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
