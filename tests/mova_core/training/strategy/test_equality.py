"""Every layout learns the same: losses step by step, validation of the average, an idle expert that does not move."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("equality_processes.py")
FLOAT32, BFLOAT16 = 1e-5, 2e-2  # largest relative difference of a step's loss to that of one process in float32


def trained(folder: Path, which: str) -> dict[str, dict]:
    """What each layout found, by its name."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    command = [sys.executable, "-W", "error", str(SCRIPT), str(folder), which]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stderr=pipe, text=True, env=environment, start_new_session=True) as process:
        try:
            _, errors = process.communicate(timeout=600)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # what it forked, too
            raise
    assert process.returncode == 0, errors[-5000:]
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


def compare(found: dict[str, dict], capsys) -> None:
    """Print the table, and hold every layout to one process."""
    one = found["1 process"]
    rows = [(name, *(worst(run[what], one[what]) for what in ("losses", "norms"))) for name, run in found.items()]
    validated = {name: abs(run["validation"] / one["validation"] - 1) for name, run in found.items()}
    with capsys.disabled():
        print(f"\n{'layout':40} {'loss':>9} {'norm':>9} {'average':>9}   (largest relative difference, 20 steps)")
        for name, loss, norm in rows:
            print(f"{name:40} {loss:9.1e} {norm:9.1e} {validated[name]:9.1e}")
    for name, loss, _ in rows:
        limit = BFLOAT16 if "bfloat16" in name else FLOAT32
        assert loss <= limit and validated[name] <= limit, name


def test_layouts_learn_the_same(tmp_path, capsys):
    found = trained(tmp_path, "few")
    assert len(found) == 5
    compare(found, capsys)


@pytest.mark.soak
def test_all_layouts_learn_the_same(tmp_path, capsys):
    found = trained(tmp_path, "all")
    assert len(found) == 11
    compare(found, capsys)
    assert found["1 process, bfloat16"]["losses"] != found["1 process"]["losses"]
    assert found["1 process, full"] == found["1 process"], "activations computed again are the same"


def worst(got: list[float], expected: list[float]) -> float:
    return max(abs(one / other - 1) for one, other in zip(got, expected, strict=True))
