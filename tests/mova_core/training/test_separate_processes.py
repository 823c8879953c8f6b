"""Killed runs and runs of two processes end in the same bytes as one that nothing happened to."""

import copy
import os
import random
import shutil
import sys
from pathlib import Path

import pytest
import torch

from mova_core.model.towers.dual_tower import DualTower
from mova_core.params.model import OptimizerParams
from mova_core.ports import free_port
from mova_core.training.checkpoints.checkpoint import KINDS, Checkpoint
from mova_core.training.checkpoints.reader import restore
from mova_core.training.checkpoints.saver import CheckpointSaver
from mova_core.training.checkpoints.weights import write_components
from mova_core.training.strategy.base import Setup
from mova_core.training.strategy.micro_batch import local_micro_batches
from mova_core.training.strategy.single import SingleProcess

SCRIPT = Path(__file__).with_name("separate_processes.py")
PLACES = ("record", "files", "manifest")
LAST = "checkpoints/step-000004"


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

    return lambda params, *trials: aside("together", params.model_dump_json(), str(free_port()), *trials)


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


def test_a_run_goes_on_in_another_number_of_processes(project, section, together, averaged_weights):
    """From two processes, which save it in parts, to one; and from one to two."""
    params = {"steps": 4, "batch": 4, "save_every": 2}
    one, two = project.root / "trials/one", project.root / "runs/phase1"
    project.train("phase1", section(**params), one)
    straight = averaged_weights(one / LAST)
    forget_last(one)
    together(section(**params, parallel={"shard": 2}), str(one))
    for run in (one, two):
        for kind in KINDS:
            assert len(list((run / LAST).glob(f"{kind}-*.safetensors"))) == 2
    close(averaged_weights(one / LAST), straight)

    of_two = averaged_weights(two / LAST)
    exported = export_again(two / LAST, project.root / "again")
    assert exported[0] == exported[1]
    forget_last(two)
    project.train("phase1", section(**params))
    close(averaged_weights(two / LAST), of_two)


def test_without_room_for_one_of_two_processes_the_checkpoint_before_stays(project, section, aside, averaged_weights):
    params = {"steps": 4, "batch": 4, "save_every": 2}
    project.train("phase1", section(**params), project.root / "trials/straight")
    in_parts = section(**params, parallel={"shard": 2})
    aside("full", in_parts.model_dump_json(), str(free_port()), "4")
    told = {Path(f"told-{rank}").read_text() for rank in range(2)}
    (sentence,) = told
    assert "has no room for step-000004" in sentence and "what is finished is kept" in sentence
    run = project.root / "runs/phase1"
    assert [path.name for path in (run / "checkpoints").iterdir()] == ["step-000002"]
    project.train("phase1", section(**params))
    close(averaged_weights(run / LAST), averaged_weights(project.root / "trials/straight" / LAST))


def forget_last(run: Path) -> None:
    shutil.rmtree(run / LAST)
    (run / "manifest.json").unlink()


def close(some: dict[str, torch.Tensor], others: dict[str, torch.Tensor]) -> None:
    assert some.keys() == others.keys()
    for name, weight in some.items():
        torch.testing.assert_close(weight, others[name], rtol=1e-4, atol=1e-5, msg=name)


def export_again(folder: Path, out: Path) -> list[dict[str, bytes]]:
    """A checkpoint as component folders, and so once more after one process has read it and saved it whole."""
    checkpoint, cpu = Checkpoint.read(folder), torch.device("cpu")
    write_components(checkpoint, "ema", out / "parts")
    towers = DualTower.from_pretrained(out / "parts")
    weights = dict(towers.named_parameters())
    parts = local_micro_batches(1, 1, 0, 1, cpu)
    setup = Setup(copy.deepcopy(towers).to("meta"), weights.__getitem__, OptimizerParams(), parts, cpu)
    with SingleProcess(setup) as strategy:
        restore(checkpoint, strategy)
        with CheckpointSaver(out, 1, strategy) as saver:
            saver.save(checkpoint.manifest)
    assert len(list((out / folder.name).glob("ema-*.safetensors"))) == 1
    write_components(Checkpoint.read(out / folder.name), "ema", out / "whole")
    return [
        {path.relative_to(out / name).as_posix(): path.read_bytes() for path in (out / name).rglob("*.*")}
        for name in ("parts", "whole")
    ]
