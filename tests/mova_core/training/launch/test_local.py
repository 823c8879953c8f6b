"""Several processes on this machine: one command with its events, restarts and errors; stand-ins train nothing."""

import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch

from mova_core.errors import MovaError, UsageError
from mova_core.training.launch.local import local_command, run_here
from mova_core.training.launch.spec import LaunchSpec

STAND_IN = """
import json, os, sys, time
def fail(kind, sentence):
    extra = {"py_callstack": "", "timestamp": str(int(time.time()))}
    error = {"message": {"message": f"{kind}: {sentence}", "extraInfo": extra}}
    json.dump(error, open(os.environ["TORCHELASTIC_ERROR_FILE"], "w"))
    sys.exit(1)
rank = int(os.environ["RANK"])
open(f"tries-{rank}", "a").write(".")
"""


@pytest.fixture
def launched(tmp_path, monkeypatch):
    """Runs a program in two processes that know their RANK; the summary."""
    monkeypatch.chdir(tmp_path)

    def run(program: str) -> dict:
        command = (sys.executable, "-c", STAND_IN + program)
        return run_here(LaunchSpec("test", command, str(tmp_path), processes_per_node=2))

    return run


def test_the_summary_is_that_of_the_first_process(launched, capfd):
    program = """
print(json.dumps({"event": "progress", "label": "train", "done": 1, "total": 1}))
print("a line of a library")
print(json.dumps({"event": "summary", "text": f"done by {rank}", "values": {"steps": 3}}))
"""
    assert launched(program) == {"steps": 3, "text": "done by 0"}
    told = capfd.readouterr()
    assert told.out == "" and told.err == "train 1/1\na line of a library\n"


def test_a_foreseen_error_ends_the_others_and_is_not_tried_again(launched):
    with pytest.raises(UsageError, match=r"^the port is taken$"):
        launched('fail("UsageError", "the port is taken") if rank == 1 else time.sleep(60)')
    assert Path("tries-1").read_text() == "."


def test_the_error_that_others_follow_from_comes_first(launched):
    with pytest.raises(MovaError, match=r"^latents are damaged$"):
        launched('fail("RuntimeError", "peer lost") if rank == 0 else fail("StaleError", "latents are damaged")')


def test_a_killed_process_is_started_again_with_the_others(launched, capfd):
    program = """
tries = lambda: os.path.getsize("tries-1") if os.path.exists("tries-1") else 0
if rank == 1 and tries() < 3:
    os.kill(os.getpid(), 9)
while tries() < 3:
    time.sleep(0.01)
"""
    assert launched(program) == {}
    assert capfd.readouterr().err.count("training process 1 was killed by SIGKILL; all processes start again") == 2


def test_a_process_that_is_always_killed_ends_the_command(launched):
    with pytest.raises(MovaError, match=r"^training process 0 was killed by SIGKILL$"):
        launched("os.kill(os.getpid(), 9) if rank == 0 else time.sleep(60)")
    assert Path("tries-0").read_text() == "...."


def test_this_machine_is_one_node():
    with pytest.raises(UsageError, match="asks for 2 nodes by launcher local"):
        local_command(LaunchSpec("test", ("mova",), "/", nodes=2))


@pytest.mark.soak  # torch is loaded five times; two processes by this command: docs/training.md
def test_training_killed_once_ends_in_the_same_weights(project, section, with_params, mova):
    params = section(steps=6, batch=4, save_every=2)
    project.train("phase1", params, Path("undisturbed"))
    with_params(steps=6, batch=4, save_every=2, launch={"processes_per_node": 2})
    (project.root / "sitecustomize.py").write_text("""
import os, signal, threading, time
def kill_once():
    while not os.path.exists("runs/phase1/checkpoints/step-000002/manifest.json"):
        time.sleep(0.01)
    open("killed", "x").close()
    os.kill(os.getpid(), signal.SIGKILL)
if os.environ.get("RANK") == "1" and not os.path.exists("killed"):
    threading.Thread(target=kill_once, daemon=True).start()
""")
    path = f"{project.root}:{os.environ.get('PYTHONPATH', '')}"
    ended = mova("train", "phase1", "--json-events", PYTHONPATH=path)
    assert ended.returncode == 0, ended.stderr
    assert "killed by SIGKILL" in ended.stderr
    events = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [event["event"] for event in events].count("summary") == 1
    assert events[-1]["event"] == "summary" and events[-1]["values"]["steps"] == 6
    weights = "checkpoints/step-000006/model-00001.safetensors"
    assert Path("runs/phase1", weights).read_bytes() == Path("undisturbed", weights).read_bytes()


@pytest.mark.soak  # torch is loaded three times, DeepSpeed twice
def test_zero_by_the_command_goes_on_from_one_process_and_one_process_from_it(
    project, section, with_params, mova, averaged_weights
):
    params = {"steps": 4, "batch": 4, "checkpoints": {"save_every": 1, "keep": 9}}
    project.train("phase1", section(**params), Path("undisturbed"))
    shutil.copytree("undisturbed", "runs/phase1")
    forget("000003", "000004")
    with_params(**params, parallel={"backend": "zero2"}, launch={"processes_per_node": 2})
    ended = mova("train", "phase1", "--json")
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["steps"] == 4
    last = "checkpoints/step-000004"
    of_zero = averaged_weights(Path("runs/phase1", last))
    forget("000004")
    project.train("phase1", section(**params))
    for weights in (of_zero, averaged_weights(Path("runs/phase1", last))):
        for name, weight in averaged_weights(Path("undisturbed", last)).items():
            torch.testing.assert_close(weights[name], weight, rtol=1e-4, atol=1e-5, msg=name)


def forget(*steps: str) -> None:
    for step in steps:
        shutil.rmtree(f"runs/phase1/checkpoints/step-{step}")
    Path("runs/phase1/manifest.json").unlink()


@pytest.mark.parametrize("processes", [1, 2])
def test_a_cancelled_command_leaves_no_process(tmp_path, processes):
    """Also where it is cancelled while its processes are being started."""
    program = f"""
from mova_core.training.checkpoints.checkpoint import Checkpoint
from mova_core.training.checkpoints.reader import CheckpointReader
from mova_core.training.launch.local import run_here
from mova_core.training.launch.spec import LaunchSpec
run_here(LaunchSpec("test", ("tail", "-f", "/dev/null", {str(tmp_path)!r}), {str(tmp_path)!r}, processes_per_node=2))
"""
    with psutil.Popen([sys.executable, "-c", program]) as command:
        while len(command.children()) < processes:
            time.sleep(0.002)
        command.terminate()
        assert command.wait(30) == 128 + signal.SIGTERM
    assert not [
        process for process in psutil.process_iter(["cmdline"]) if str(tmp_path) in (process.info["cmdline"] or ())
    ]
