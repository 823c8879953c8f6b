"""The data half of the pipeline: nothing is lost, a killed run goes on, and every way of running it agrees."""

import os
import random
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from mova_core.curation.tables import read_table
from mova_core.places import DataFolder

pytestmark = pytest.mark.timeout(900)  # the first test may wait for a whole life


def made(project: Path, hashes) -> dict[str, str]:
    """Hashes of what the stages up to the latents made, Data Docs (which hold times) left out."""
    found = {}
    for folder in ("data", "models/codec", "reports/contracts"):
        if (project / folder).exists():
            found |= {f"{folder}/{name}": value for name, value in hashes(project / folder).items()}
    others = ("data/footage", "reports/contracts/docs", "reports/contracts/evaluation")
    return {name: value for name, value in found.items() if not name.startswith(others)}


def test_no_row_disappears(life):
    project, _ = life
    data = DataFolder(project / "data")
    rows = {name: read_table(data.table(name), name) for name in ("sources", "windows", "clips", "verdicts")}
    lost = {stage: read_table(data.rejects(stage), "rejects") for stage in ("ingest", "segment", "cut", "assess")}
    files = [path for path in (project / "data/footage").iterdir() if path.suffix != ".json"]
    accepted = [row for row in rows["sources"] if row["verdict"] == "accepted"]
    assert len(files) == len(rows["sources"]) == len(accepted) + len(lost["ingest"])
    without_windows = [row for row in lost["segment"] if row["start_s"] is None]
    assert len(accepted) == len({row["source_id"] for row in rows["windows"]}) + len(without_windows)
    assert len(rows["windows"]) == len(rows["clips"]) + len(lost["cut"])
    kept = [row for row in rows["verdicts"] if row["verdict"] == "accepted"]
    assert len(rows["clips"]) == len(rows["verdicts"]) == len(kept) + len(lost["assess"])
    assert len(read_table(data.table("captions"), "captions")) == len(kept) > 0


def test_the_graph_runs_in_the_order_of_the_readme(life, run):
    shown = run(life[0], "dvc", "dag", "--dot").stdout
    edges = {tuple(part.strip(' ";') for part in line.split("->")) for line in shown.splitlines() if "->" in line}
    order = (
        "ingest contract@sources segment contract@windows cut contract@clips assess contract@verdicts caption "
        "contract@captions"
    )
    assert set(pairwise(order.split())) <= edges
    assert {("encode@nano-32", "contract@latents"), ("encode@nano-48", "contract@latents")} <= edges
    order = "contract@latents " + " ".join(
        f"train@{phase} evaluate@{phase} select@{phase}" for phase in ("audio", "phase1", "phase2", "phase3")
    )
    assert set(pairwise(f"{order} package report".split())) <= edges


def kill_at_random_moments(project: Path, until: str, kills: int, seed: int) -> None:
    """Start `dvc repro` and kill all of it, `kills` times, each time a little later."""
    moments = random.Random(seed)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for _ in range(kills):
        command = ["dvc", "repro", "-q", until]
        environment = {**os.environ, "PATH": path}
        process = subprocess.Popen(
            command, cwd=project, env=environment, start_new_session=True, stderr=subprocess.DEVNULL
        )
        try:
            process.wait(moments.uniform(2, 18))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        (project / ".dvc/tmp/rwlock").unlink(missing_ok=True)  # DVC's own lock of the dead process


@pytest.mark.parametrize(
    ("until", "kills"),
    [
        pytest.param("contract@windows", 2, marks=pytest.mark.soak),
        pytest.param("contract@latents", 30, marks=[pytest.mark.soak, pytest.mark.timeout(3600)]),
    ],
)
def test_a_killed_dvc_repro_goes_on_and_ends_in_the_bytes_of_the_flow(life, projects, hashes, run, until, kills):
    project = projects(f"killed-{kills}")
    kill_at_random_moments(project, until, kills, seed=kills)
    run(project, "dvc", "repro", "-q", until)
    by_dvc, by_flow = made(project, hashes), made(life[0], hashes)
    assert by_dvc == (by_flow if until == "contract@latents" else {name: by_flow[name] for name in by_dvc})
    assert f"reports/contracts/{until.removeprefix('contract@')}.json" in by_dvc


def test_broken_footage_folder_is_one_sentence(tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    for footage in (empty, tmp_path / "absent"):
        done = subprocess.run(
            [Path(sys.executable).parent / "mova", "curate", footage, "--out", tmp_path / "out"],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 2
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
        assert str(footage) in done.stderr
