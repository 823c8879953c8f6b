"""The commands in the documentation work as they are written, in the order they are written."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
pytestmark = pytest.mark.timeout(900)  # the first test may wait for a whole life
BLOCK = re.compile(r"^```bash\n(.*?)^```", re.MULTILINE | re.DOTALL)


ANOTHER_TERMINAL = "--block"  # the last word of a command that stays until it is interrupted
STAYS = "will now block"  # what it says when it is ready


@pytest.fixture
def another_terminal() -> Iterator[Callable[..., None]]:
    """Function that starts a command which stays, and returns when it is ready; ended after the test."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with ExitStack() as ends:

        def start(folder: Path, command: list[str], environment: dict[str, str]) -> None:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=os.environ | {"PATH": path} | environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            ends.callback(process.wait)
            ends.callback(process.send_signal, signal.SIGINT)  # at SIGTERM Ray drains for half a minute
            assert process.stdout is not None
            said: list[str] = []
            while STAYS not in (line := process.stdout.readline()):
                said.append(line)
                assert line, f"{shlex.join(command)} ended:\n{''.join(said)}"

        yield start


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_commands_of_a_page(page, life, run, another_terminal, tmp_path):
    project = shutil.copytree(life[0], tmp_path / "project", symlinks=True)
    lines = [line for block in BLOCK.findall(page.read_text()) for line in block.splitlines() if line]
    assert lines, f"{page.name} shows no command"
    environment = {"HOME": str(tmp_path)}  # a token that a page makes is the test's own
    for words in (shlex.split(line, comments=True) for line in lines):
        if words[0] == "export":
            environment |= dict(word.split("=", 1) for word in words[1:])
        elif words[-1] == ANOTHER_TERMINAL:
            another_terminal(project, words, environment)
        else:
            run(project, *words, **environment)
