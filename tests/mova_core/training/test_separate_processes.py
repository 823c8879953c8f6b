"""Killed runs and runs of two processes end in the same bytes as one that nothing happened to."""

import os
import random
import shutil
import sys
from pathlib import Path

import pytest
import torch

from mova_core.ports import free_port
from mova_core.training.checkpoints.checkpoint import KINDS, Checkpoint
from mova_core.training.checkpoints.reader import CheckpointReader

SCRIPT = Path(__file__).with_name("separate_processes.py")
PLACES = ("record", "files", "manifest")


def outcome(project) -> dict[str, bytes]:
    """Every file of the run, then put aside."""
    run = project.root / "runs/phase1"
    files = {path.relative_to(run).as_posix(): path.read_bytes() for path in run.rglob("*") if path.is_file()}
    run.rename(project.root / f"aside-{len(list(project.root.iterdir()))}")
    return files


@pytest.fixture
def aside(project, run_alone):
    """Function that runs the script beside this file in the project."""
    # Not the tests' one thread a process: training sees to that itself.
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    return lambda *arguments: run_alone([sys.executable, str(SCRIPT), *arguments], environment, project.root)


@pytest.fixture
def together(aside):
    """Function that trains one run in two processes."""

    return lambda params: aside("together", params.model_dump_json(), str(free_port()))


@pytest.mark.parametrize("kills", [3, pytest.param(30, marks=[pytest.mark.soak, pytest.mark.timeout(900)])])
def test_kills(project, section, aside, kills):
    """A third of them while a checkpoint is written, a third when all but the folder's name is there."""
    params = section(steps=3 * kills, save_every=3)
    project.train("phase1", params)
    straight = outcome(project)
    rng = random.Random(4)
    places = rng.sample(PLACES * (kills // len(PLACES)), kills)
    # Every try gets further than the one before it saved, so each kill meets other work.
    words = [(str(rng.randint(3 * number, 3 * number + 1)), place) for number, place in enumerate(places)]
    aside("kill", params.model_dump_json(), *(word for kill in words for word in kill))
    assert outcome(project) == straight


def test_two_processes_are_one(project, section, together):
    params = section(steps=4, batch=4)
    project.train("phase1", params)
    straight = outcome(project)
    together(params)
    assert outcome(project) == straight


def test_a_run_in_parts_is_saved_in_parts_and_goes_on_in_one_process(project, section, together):
    params = section(steps=4, batch=4, save_every=2, parallel={"shard": 2})
    together(params)
    run = project.root / "runs/phase1"
    of_two = averaged_weights(run / "checkpoints/step-000004")
    for kind in KINDS:
        assert len(list((run / "checkpoints/step-000004").glob(f"{kind}-*.safetensors"))) == 2
    shutil.rmtree(run / "checkpoints/step-000004")
    (run / "manifest.json").unlink()
    project.train("phase1", section(steps=4, batch=4, save_every=2))
    of_one = averaged_weights(run / "checkpoints/step-000004")
    assert of_one.keys() == of_two.keys()
    for name, weight in of_one.items():
        torch.testing.assert_close(weight, of_two[name], rtol=1e-4, atol=1e-5, msg=name)


def averaged_weights(folder: Path) -> dict[str, torch.Tensor]:
    """Whole tensors of a checkpoint's average, however many processes wrote it."""
    reader = CheckpointReader(Checkpoint.read(folder))
    weights = {name: torch.empty(stored.size) for name, stored in reader.stored.items() if name.startswith("ema.")}
    reader.into(weights, alone=True)
    return weights
