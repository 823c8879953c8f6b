"""Killed runs and runs of two processes end in the same bytes as one that nothing happened to."""

import os
import random
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("separate_processes.py")
PLACES = ("record", "files", "manifest")


def outcome(project) -> dict[str, bytes]:
    """Every file of the run, then put aside."""
    run = project.root / "runs/phase1"
    files = {path.relative_to(run).as_posix(): path.read_bytes() for path in run.rglob("*") if path.is_file()}
    run.rename(project.root / f"aside-{len(list(project.root.iterdir()))}")
    return files


def aside(project, *arguments: str) -> None:
    command = [sys.executable, str(SCRIPT), *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=project.root, stderr=pipe, text=True, start_new_session=True) as process:
        try:
            _, errors = process.communicate(timeout=600)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # what it forked, too
            raise
    assert process.returncode == 0, errors[-3000:]


@pytest.mark.parametrize("kills", [3, pytest.param(30, marks=[pytest.mark.soak, pytest.mark.timeout(900)])])
def test_kills(project, section, kills):
    """A third of them while a checkpoint is written, a third when all but the folder's name is there."""
    params = section(steps=3 * kills, save_every=3)
    project.train("phase1", params)
    straight = outcome(project)
    rng = random.Random(4)
    places = rng.sample(PLACES * (kills // len(PLACES)), kills)
    # Every try gets further than the one before it saved, so each kill meets other work.
    words = [(str(rng.randint(3 * number, 3 * number + 1)), place) for number, place in enumerate(places)]
    aside(project, "kill", params.model_dump_json(), *(word for kill in words for word in kill))
    assert outcome(project) == straight


def test_two_processes_are_one(project, section):
    params = section(steps=4, batch=4)
    project.train("phase1", params)
    straight = outcome(project)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    aside(project, "together", params.model_dump_json(), str(port))
    assert outcome(project) == straight
