"""Every layout learns the same: losses step by step, validation of the average, an idle expert that does not move."""

import json
import os
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("equality_processes.py")
FLOAT32, BFLOAT16 = 1e-5, 2e-2  # largest relative difference of a step's loss to that of one process in float32


@pytest.fixture
def trained(tmp_path, run_alone):
    """Function that trains in `few` or `all` layouts: what each found, by its name."""

    def train(which: str) -> dict[str, dict]:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
        run_alone([sys.executable, "-W", "error", str(SCRIPT), str(tmp_path), which], environment)
        return {path.stem: json.loads(path.read_text()) for path in sorted(tmp_path.glob("*.json"))}

    return train


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


def test_layouts_learn_the_same(trained, capsys):
    found = trained("few")
    assert len(found) == 6
    compare(found, capsys)


@pytest.mark.soak
def test_all_layouts_learn_the_same(trained, capsys):
    found = trained("all")
    assert len(found) == 16
    compare(found, capsys)
    assert found["1 process, bfloat16"]["losses"] != found["1 process"]["losses"]
    assert found["1 process, full"] == found["1 process"], "activations computed again are the same"


def worst(got: list[float], expected: list[float]) -> float:
    return max(abs(one / other - 1) for one, other in zip(got, expected, strict=True))
