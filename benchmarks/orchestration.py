"""What the flows' question to DVC costs where nothing is to be done, over a bare `dvc status`.

In a made project: one stage whose out is a folder of many small shards, one that reads them. Both sides are processes
of their own, so both pay for importing DVC.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import Row, ratio
from flows.project.start import start_project

SHARDS = 10_000
DVC_YAML = """
stages:
  encode:
    cmd: python shards.py
    outs: [data/latents]
  train:
    cmd: python -c "open('model', 'w').write('weights')"
    deps: [data/latents]
    outs: [model]
"""
SHARDS_PY = """
from pathlib import Path
folder = Path("data/latents")
folder.mkdir(parents=True)
for index in range({shards}):
    folder.joinpath(f"{{index:05}}.safetensors").write_text(str(index))
"""
PLAN = "from flows.run.stages.plan import plan; assert all(stage.unchanged for stage in plan(''))"


def rows() -> list[Row]:
    """Make the project and measure."""
    with tempfile.TemporaryDirectory() as folder:
        project = made_project(Path(folder), SHARDS)
        return [
            ratio(
                "orchestration.no_op_shards",
                lambda: run(project, sys.executable, "-c", PLAN),
                lambda: run(project, "dvc", "status", "--quiet"),
                against=f"dvc status of the same project, {SHARDS} shards",
                better="lower",
                target=1.5,
            )
        ]


def made_project(folder: Path, shards: int) -> Path:
    """A project with this many shards, where nothing is left to do."""
    (folder / "dvc.yaml").write_text(DVC_YAML)
    (folder / "shards.py").write_text(SHARDS_PY.format(shards=shards))
    start_project(folder)
    run(folder, "dvc", "repro", "--quiet")
    return folder


def run(folder: Path, *command: str) -> None:
    """Run a command in the project; what it prints is shown where it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
