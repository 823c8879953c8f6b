"""Every code block of README and docs works as it is written, in the order it is written.

The blocks of a page become one script, run in a project whose life was run once:

- ```` ```bash ````: commands, `$name` kept from one to the next;
- ```` ```console ````: lines after `$ ` are commands, the others show what they print;
- ```` ```python ````: a script of its own;
- a command whose line ends in `# stays` runs beside the following ones, once it says that it is ready;
- `make TARGET` is looked up in the Makefile, not run: these tests are one of its targets.

A block of any other kind must not hold a command.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
import yaml

from mova_core.ports import free_port

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\s*(\$ )?(mova|dvc|make|python|curl|torchrun|ray|export|git|pip|source)\b(?!:)", re.MULTILINE)
READY = "will now block|Application startup complete|serves at|listening on"
SERVICE_PORT = "3000"  # of the pages; a run has that of its project's params.yaml
OTHER_PORTS = ("4200", "6380", "4300")
PREAMBLE = f"""
set -euo pipefail -m
trap 'for job in $(jobs -p); do kill -INT -- -$job 2>/dev/null || true; done; wait' EXIT
step() {{ echo "--- $1" >&2; }}
stays() {{  # start a command in the background and wait until it says that it is ready
  local log=$(mktemp)
  bash -c "exec $1" >"$log" 2>&1 &
  local job=$!
  until grep -qE '{READY}' "$log"; do
    kill -0 $job 2>/dev/null || {{ cat "$log" >&2; return 1; }}
    sleep 0.2
  done
}}
"""


def script_of(page: str) -> str:
    """The commands of a page as one bash script; "" when it shows none."""
    steps: list[str] = []
    for indent, kind, block in BLOCK.findall(page):
        text = re.sub(f"^{indent}", "", block, flags=re.MULTILINE)
        if kind == "console":
            text = "\n".join(line.removeprefix("$ ") for line in text.splitlines() if line.startswith("$ "))
        if kind in ("bash", "console"):
            steps += [_step(command) for command in _commands(text)]
        elif kind == "python":
            steps.append(f"step python\npython - <<'END_OF_PYTHON'\n{text}END_OF_PYTHON\n")
        else:
            assert not COMMAND.search(text), (
                f"a block of commands is marked {kind or 'nothing'}, expected bash:\n{text}"
            )
    return "\n".join(steps)


def _commands(text: str) -> list[str]:
    """Lines, those that end in a backslash joined with the next."""
    joined = re.sub(r"\s*\\\n\s*", " ", text)
    return [line.strip() for line in joined.splitlines() if line.strip() and not line.startswith("#")]


def _step(command: str) -> str:
    if command.startswith("make "):
        target = command.split()[1]
        assert re.search(rf"^{re.escape(target)}:", (ROOT / "Makefile").read_text(), re.MULTILINE), command
        return ""
    if command.startswith(("git clone ", "cd ", "source ")):
        return ""  # how to get here, where the test is already
    bare, _, comment = command.partition("  #")
    run = f"stays {_quoted(bare)}" if comment.strip().startswith("stays") else command
    return f"step {_quoted(command)}\n{run}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


@pytest.fixture
def tone(tmp_path):
    """A second of a tone, as footage in a bucket."""
    path = tmp_path / "tone.wav"
    samples = (8000 * np.sin(np.arange(16_000) * 440 * 2 * np.pi / 16_000)).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(samples.tobytes())
    return path


@pytest.mark.timeout(900)  # the first test may wait for a whole life
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_blocks_of_a_page(page, life, object_server, tone, tmp_path):
    script = script_of(page.read_text(encoding="utf-8"))
    assert script, f"{page.name} shows no command"
    object_server.put("footage", "2026/tone.wav", tone.read_bytes())
    object_server.put("mova-data", "there", b"")
    project = shutil.copytree(life[0], tmp_path / "project", symlinks=True)
    service_port = yaml.safe_load((project / "params.yaml").read_text())["serve"]["port"]
    script = script.replace(SERVICE_PORT, str(service_port))
    for port in OTHER_PORTS:
        script = script.replace(port, str(free_port()))
    script = script.replace("https://minio.example.org", object_server.environment["AWS_ENDPOINT_URL"])
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        script = script.replace(f"{name}=...", f"{name}={object_server.environment[name]}")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")},
        "AWS_REGION": "us-east-1",
        **{f"GIT_{who}_{what}": "test@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),  # a token or a cache that a page makes is the test's own
    }
    process = subprocess.Popen(
        ["bash", "-c", PREAMBLE + script],
        cwd=project,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate()
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0, output[-6000:]


@pytest.mark.parametrize(
    ("page", "script"),
    [
        ("```bash\nmova cut \\\n  --workers 2\n```", "step 'mova cut --workers 2'\nmova cut --workers 2"),
        ("```console\n$ mova cut\nwhat it prints\n```", "step 'mova cut'\nmova cut"),
        ("```bash\nmova serve  # stays\n```", "step 'mova serve  # stays'\nstays 'mova serve'"),
        ("```bash\nmake demo\n```", ""),
        ("```\na ─► b\n```", ""),
    ],
)
def test_how_blocks_become_a_script(page, script):
    assert script_of(page) == script


@pytest.mark.parametrize("block", ["```\nmova cut\n```", "```text\n$ dvc repro\n```"])
def test_commands_in_a_block_of_no_kind_are_refused(block):
    with pytest.raises(AssertionError, match="block of commands"):
        script_of(block)
