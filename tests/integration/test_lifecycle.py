"""The whole life at the smallest size: from latents to a clip over HTTP by the flow, and by `dvc repro` alone."""

import json
import shutil
import socket

import pytest
import yaml
from dvc.repo import Repo

from mova_core.curation.tables import read_table
from mova_core.marking.unmarked import without_manifest
from mova_core.media.decode import Frame, decode
from mova_core.media.provenance import read_provenance
from mova_core.places import DataFolder

pytestmark = pytest.mark.timeout(900)  # the first test waits for a whole life


def test_a_life_ends_with_a_served_clip_and_a_report(life, run):
    project, said = life
    pieces = list(decode(project / "demo/a-red-ball-bounces.mp4", audio_rate_hz=16000))
    assert sum(isinstance(piece, Frame) for piece in pieces) == 33
    assert max(abs(piece.samples).max() for piece in pieces if not isinstance(piece, Frame)) > 0
    assert (
        without_manifest((project / "demo/a-red-ball-bounces.mp4").read_bytes())
        == (project / "dist/bento/smoke.mp4").read_bytes()
    )
    page = (project / "reports/index.html").read_text()
    assert "phase3" in page and "<svg" in page
    assert "demo/a-red-ball-bounces.mp4" in said and "reports/index.html" in said
    assert "answered one request, byte for byte as packaged, and was ended" in said
    assert "git add" in said and "dvc.lock" in said and "data/footage.dvc" in said
    shown = run(project, "dvc", "metrics", "show", "--md").stdout
    assert "reports/headline.json" in shown and "event_f1_shuffled" in shown
    assert json.loads((project / "reports/headline.json").read_text())["event_f1"] is not None


def test_the_clip_leads_back_to_its_footage(life, run):
    project, _ = life
    clip = project / "demo/a-red-ball-bounces.mp4"
    tree = run(project, "mova", "registry", "lineage", "demo/a-red-ball-bounces.mp4").stdout
    selection = json.loads((project / "models/phase3/selection.json").read_text())
    assert read_provenance(clip).checkpoint_id == selection["checkpoint_id"]
    for expected in (
        selection["checkpoint_id"],
        "production",
        "phase2",
        "audio",
        "data/latents/nano-48",
        *training_files(DataFolder(project / "data")),
    ):
        assert expected in tree, expected


def training_files(data):
    """Paths of the files that gave clips for training; with so few files one is kept for validation alone."""
    paths = {row["source_id"]: row["path"] for row in read_table(data.table("sources"), "sources")}
    files = {paths[row["source_id"]] for row in read_table(data.table("clips"), "clips") if row["split"] == "train"}
    assert files
    return files


def test_nothing_is_left_to_do_and_nothing_is_left_running(life, run):
    project, _ = life
    assert "Data and pipelines are up to date" in run(project, "dvc", "status").stdout
    assert run(project, "dvc", "checkout").stdout == ""
    with socket.socket() as probe:
        port = yaml.safe_load((project / "params.yaml").read_text())["serve"]["port"]
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_no_stage_writes_outside_its_outs(life, run):
    """With the test above: whatever a stage wrote is an out of its own, or in a cache that no stage depends on."""
    project, _ = life
    with Repo(str(project)) as repo:
        outs = {out.fspath for stage in repo.index.stages for out in stage.outs}
    sources = run(project, "git", "ls-files", "--others", "--exclude-standard").stdout.splitlines()
    files = [path for path in project.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    others = [path for path in files if outs.isdisjoint(map(str, (path, *path.parents)))]
    names = {path.relative_to(project).as_posix() for path in others}
    private = (".mova/", ".dvc/", ".git/", ".prefect/", "logs/", "demo/")
    assert [name for name in sorted(names - set(sources)) if not name.startswith(private)] == []


@pytest.mark.soak
def test_dvc_alone_makes_the_same_models_and_bento(life, projects, run, hashes):
    project, _ = life
    alone = projects("alone")
    shutil.copy(project / "params.yaml", alone)
    run(alone, "dvc", "repro", "-q")
    for folder in ("runs", "models", "reports/evaluation", "dist"):
        assert hashes(alone / folder) == hashes(project / folder), folder
