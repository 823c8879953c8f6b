"""Processes that divide a clip's tokens compute what one process does, forward and backward."""

import socket
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).with_name("context_processes.py")


def test_divided_tokens_are_whole_ones():
    """Uneven tokens, padded heads, Bridge on, partly on and without rotation, checkpointed; exchanges are counted."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    done = subprocess.run(
        [sys.executable, "-W", "error", str(SCRIPT), str(port)], capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr[-3000:]
