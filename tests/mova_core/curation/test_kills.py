"""kill -9 of a whole run at any moment: a rerun ends in the same bytes, and what was finished is not made again."""

import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from mova_core.curation.encode.latents_manifest import read_latents_manifest
from mova_core.curation.engine.base import Engine
from mova_core.curation.tables import write_table
from mova_core.places import DataFolder
from mova_core.storage.manifest import MANIFEST_FILE, verify

KILLING = Path(__file__).parent / "killing"
PARAMS = {"preset": "nano", "cut": {"clips_per_shard": 4}, "encode": {"clips_per_shard": 4}}
LATENTS = "data/latents/nano-32"


@dataclass(frozen=True)
class Stage:
    """A stage of the line in a project folder where all before it is done.

    Args:
        command: of `mova`.
        finished: patterns of the files that a rerun takes over.
        start: makes such a folder.
    """

    command: tuple[str, ...]
    finished: tuple[str, ...]
    start: Callable[[Path], None]

    def run(self, project: Path, kill_at: int = 0) -> tuple[int, int]:
        """Exit code, and how many file operations it came to; with `kill_at` it is killed at that one."""
        count = project.parent / "count"
        count.unlink(missing_ok=True)
        path = os.pathsep.join([str(KILLING), os.environ.get("PYTHONPATH", "")])
        variables = {"PYTHONPATH": path, "KILL_COUNT": str(count), "KILL_AT": str(kill_at), "OMP_NUM_THREADS": "1"}
        mova = Path(sys.executable).parent / "mova"
        done = subprocess.run(
            [mova, *self.command, "--workers", "2"],
            cwd=project,
            env={**os.environ, **variables},
            start_new_session=True,
            capture_output=True,
            text=True,
        )
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        return done.returncode, count.stat().st_size

    def stamps(self, project: Path) -> dict[Path, tuple[int, int]]:
        """When each finished file was written, and which file of the disk it is."""
        files = (path for pattern in self.finished for path in project.glob(pattern))
        return {path: ((found := path.stat()).st_mtime_ns, found.st_ino) for path in files}


@pytest.fixture
def start_segment(small_footage, write_sources):
    def start(project):
        write_sources(small_footage, project)
        write_params(project, footage=small_footage)

    return start


@pytest.fixture
def start_cut(small_footage, segment_small):
    def start(project):
        segment_small(small_footage, project, Engine("local", 2))
        write_params(project, footage=small_footage)

    return start


@pytest.fixture
def start_encode(curated_once, codec_once):
    def start(project):
        shutil.copytree(curated_once, project)
        shutil.copytree(codec_once, project / "models/codec")
        write_table(
            DataFolder(project / "data").table("sources"), "sources", []
        )  # none of audio alone, no origin known
        write_params(project)

    return start


def write_params(project, footage=None):
    values = PARAMS | ({"ingest": {"footage": str(footage)}} if footage else {})
    (project / "params.yaml").write_text(yaml.safe_dump(values))


@pytest.fixture(params=["segment", "cut", "encode"])
def stage(request):
    start = request.getfixturevalue(f"start_{request.param}")
    return {
        "segment": Stage(("segment",), (".mova/result_cache/segment/*/*/*.json",), start),
        "cut": Stage(("cut",), (".mova/result_cache/cut/*.tar", "data/clips/clips-*.json"), start),
        "encode": Stage(("encode", "nano-32"), (f"{LATENTS}/latents-*.safetensors",), start),
    }[request.param]


def made(project):
    files = (path for path in (project / "data").rglob("*") if path.is_file())
    return {str(path.relative_to(project)): path.read_bytes() for path in files}


@pytest.mark.parametrize("kills", [2, pytest.param(30, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])])
def test_a_killed_stage_goes_on_and_ends_in_the_same_bytes(stage, kills, tmp_path):
    stage.start(tmp_path / "undisturbed")
    code, operations = stage.run(tmp_path / "undisturbed")
    assert code == 0
    expected = made(tmp_path / "undisturbed")
    moments = random.Random(kills)
    while kills:
        project = tmp_path / f"{kills} left"
        stage.start(project)
        code = -signal.SIGKILL
        while code and kills:
            code = check_a_run(stage, project, moments.randint(1, operations * 2 // 3))
            kills -= code != 0
        if code:
            assert check_a_run(stage, project, kill_at=0) == 0
        assert made(project) == expected


def check_a_run(stage: Stage, project: Path, kill_at: int) -> int:
    """Exit code of a run that made nothing again which was finished, and left nothing half-written to be trusted."""
    before = stage.stamps(project)
    code, _ = stage.run(project, kill_at)
    after = stage.stamps(project)
    assert {path: after[path] for path in before if path in after} == {
        path: stamp for path, stamp in before.items() if path in after
    }
    if (project / LATENTS / MANIFEST_FILE).exists():
        verify(project / LATENTS, read_latents_manifest(project / LATENTS).files, "", unlisted=None)
    return code
