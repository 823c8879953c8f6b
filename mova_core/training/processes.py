"""Which of several processes of one training this is, by the variables that whatever starts them sets."""

import os


def rank() -> int:
    """Number of this process, from 0; 0 where it trains alone."""
    return int(os.environ.get("RANK", "0"))


def process_count() -> int:
    """How many there are, this one among them."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def local_rank() -> int:
    """Number of this process on its machine, from 0."""
    return int(os.environ.get("LOCAL_RANK", "0"))
