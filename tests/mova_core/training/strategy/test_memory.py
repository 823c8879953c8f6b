"""A process of a layout in parts holds its part of the model, from the first weight on."""

import json
import os
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("memory_processes.py")


@pytest.mark.soak
def test_a_process_never_holds_the_whole_model(tmp_path, run_alone, capsys):
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "GLOO_SOCKET_IFNAME": "lo",
        "MALLOC_MMAP_THRESHOLD_": "65536",  # bytes: larger blocks go back when they are freed, so RSS is what is held
    }
    run_alone([sys.executable, str(SCRIPT), str(tmp_path)], environment)
    found = json.loads((tmp_path / "memory.json").read_text())
    weights, one, each = (found[name] / 1e6 for name in ("weights", "one", "each"))
    with capsys.disabled():
        print(f"\n{weights:.0f} MB of weights: one process grew by {one:.0f} MB, each of four by {each:.0f} MB at most")
    assert weights > 350 and each / one <= 0.35
