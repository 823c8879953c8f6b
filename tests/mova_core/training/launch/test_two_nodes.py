"""Two machines, stood in for by two agents on loopback: one is killed and replaced, and training goes on by itself."""

import os
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from mova_core.ports import free_port
from mova_core.training.launch.spec import ENVIRONMENT, LaunchSpec, met_at, torchrun

STEPS = {"steps": 12, "batch": 4, "save_every": 3}
WEIGHTS = "checkpoints/step-000012/model-00001.safetensors"


def wait_for(what, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.02)


@pytest.mark.soak  # 25 s of one core: torch is loaded nine times
def test_a_killed_node_is_replaced(project, section, with_params):
    project.train("phase1", section(**STEPS), Path("undisturbed"))
    with_params(**STEPS)
    spec = LaunchSpec("test", ("mova", "train", "phase1"), str(project.root), nodes=2)
    command = torchrun(spec, *met_at("127.0.0.1", free_port(), "test"), "--local-addr=127.0.0.1")
    environment = {**os.environ, **ENVIRONMENT, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    with ExitStack() as agents:

        def start() -> psutil.Popen:
            agent = psutil.Popen(command, env=environment, stderr=subprocess.DEVNULL)
            agents.callback(lambda: agent.is_running() and agent.terminate())
            return agent

        first = start()
        time.sleep(3)  # it holds the rendezvous
        second = start()
        wait_for(Path("runs/phase1/checkpoints/step-000003/manifest.json").exists)
        (worker,) = second.children()
        second.kill()
        wait_for(lambda: not worker.is_running(), 5)
        third = start()
        assert (first.wait(90), third.wait(90)) == (0, 0)
    assert Path("runs/phase1", WEIGHTS).read_bytes() == Path("undisturbed", WEIGHTS).read_bytes()
