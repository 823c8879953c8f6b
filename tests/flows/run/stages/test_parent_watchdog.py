"""A server ends with the process that started it, even when that one is killed outright."""

import subprocess
import sys

import psutil

WATCHDOG = [sys.executable, "-m", "flows.run.stages.parent_watchdog"]
TALKER = "import os, time; print(os.getpid(), flush=True); time.sleep(1000)"


def test_the_command_ends_when_its_stdin_closes() -> None:
    with subprocess.Popen(
        [*WATCHDOG, sys.executable, "-c", TALKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as held:
        assert held.stdin is not None and held.stdout is not None
        server = psutil.Process(int(held.stdout.readline()))
        held.stdin.close()
        assert held.wait(20) != 0
    assert not server.is_running()


def test_an_exit_code_comes_through() -> None:
    held = subprocess.Popen([*WATCHDOG, sys.executable, "-c", "exit(7)"], stdin=subprocess.PIPE)
    assert held.wait(20) == 7
    assert held.stdin is not None
    held.stdin.close()
