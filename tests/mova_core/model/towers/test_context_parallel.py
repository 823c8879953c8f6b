"""Processes that divide a clip's tokens compute what one process does, forward and backward."""

import subprocess
import sys
from pathlib import Path

from mova_core.ports import free_port

SCRIPT = Path(__file__).with_name("context_processes.py")


def test_divided_tokens_are_whole_ones():
    """Uneven tokens, padded heads, Bridge on, partly on and without rotation, checkpointed; exchanges are counted."""
    done = subprocess.run(
        [sys.executable, "-W", "error", str(SCRIPT), str(free_port())], capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr[-3000:]
