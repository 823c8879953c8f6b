"""What a child process does so that it never outlives the process that started it."""

import contextlib
import ctypes
import signal
import sys

PR_SET_PDEATHSIG = 1  # Linux prctl(2)


def end_with_parent() -> None:
    """From now on this process is killed when its parent ends, however that ends."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
