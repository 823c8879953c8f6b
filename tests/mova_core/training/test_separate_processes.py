"""Killed runs and runs of two processes end in the same bytes as one that nothing happened to."""

import os
import random
import signal
import socket
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).with_name("separate_processes.py")
KILLS = 3


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
            _, errors = process.communicate(timeout=240)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # what it forked, too
            raise
    assert process.returncode == 0, errors[-3000:]


def test_three_kills(project, section):
    params = section(steps=8, save_every=3)
    project.train("phase1", params)
    straight = outcome(project)
    rng = random.Random(4)
    # Every try gets further than the one before it saved, so each kill meets other work.
    kills = [
        (str(rng.randint(3 * number, 3 * number + 1)), rng.choice(["record", "checkpoint"])) for number in range(KILLS)
    ]
    aside(project, "kill", params.model_dump_json(), *(word for kill in kills for word in kill))
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
