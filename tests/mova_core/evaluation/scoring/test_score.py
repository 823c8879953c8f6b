"""Files are scored as they are: what cannot be measured of one is told, the others count, and a rerun goes on."""

import json
import shutil
from contextlib import chdir
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dvc.repo import Repo

from mova_core.cli.model.evaluate import evaluate
from mova_core.curation.engine.base import Engine
from mova_core.errors import UsageError
from mova_core.evaluation.scoring import scorer as scorer_module
from mova_core.evaluation.scoring.files import CLIPS_FILE, TABLE_FILE, VALUES_FILE
from mova_core.evaluation.scoring.score import score
from mova_core.evaluation.scoring.scorer import Scorer
from mova_core.measures.clip import Asked
from mova_core.media.encode import write_media
from mova_core.params import params_from
from mova_core.synthetic.world import draw_take, render_audio, render_frames

RATE_HZ, FPS, FRAMES, SAMPLES = 16_000, 16, 33, 33_000
CHOSEN = {"evaluate": {"metrics": ["loudness_lufs"], "bootstrap_samples": 50}}  # what is by choice is slow


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two good clips, one silent, one without audio, one stereo, one of one frame, one that is no video."""
    folder = tmp_path_factory.mktemp("clips")
    rng = np.random.default_rng(3)
    for name, kind in (("ball", "red-ball"), ("box", "green-box")):
        take = draw_take(rng, kind, FRAMES / FPS)
        frames = np.stack(list(render_frames(take, FPS, FRAMES, 48)))
        audio = render_audio(take, RATE_HZ, SAMPLES)
        write_media(folder / f"{name}.mp4", frames, FPS, audio, RATE_HZ)
    write_media(folder / "silent.mp4", frames, FPS, np.zeros(SAMPLES, np.float32), RATE_HZ)
    write_media(folder / "mute.mp4", frames, FPS, None, RATE_HZ)
    write_media(folder / "stereo.mp4", frames, FPS, np.stack([audio, audio]), RATE_HZ)
    write_media(folder / "still.mp4", frames[:1], FPS, audio[:1000], RATE_HZ)
    (folder / "text.mp4").write_text("no video at all")
    return folder


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    return Scorer.of(params_from(CHOSEN), Engine(workers=2), tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def scored(clips: Path, scorer: Scorer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out")
    score(scorer, clips, out)
    return out


def read(out: Path) -> tuple[dict, dict]:
    lines = [json.loads(line) for line in (out / CLIPS_FILE).read_text().splitlines()]
    return json.loads((out / "metrics.json").read_text())["metrics"], {line["name"]: line for line in lines}


def test_what_a_file_lacks_is_told_and_the_others_count(scored: Path) -> None:
    metrics, lines = read(scored)
    assert list(lines) == ["ball", "box", "mute", "silent", "stereo", "still", "text"]
    lufs = metrics["loudness_lufs"]
    assert (lufs["clips"], lufs["of"]) == (3, 7) and -40 < lufs["value"] < -10
    assert lines["mute"]["unavailable"]["loudness_lufs"] == "the clip has no audio"
    assert "silent" in lines["silent"]["unavailable"]["loudness_lufs"]
    assert "single frame" in lines["still"]["unavailable"]["loudness_lufs"]
    assert lines["text"]["unavailable"]["loudness_lufs"] and not lines["text"]["metrics"]
    assert lines["stereo"]["metrics"]["loudness_lufs"] == pytest.approx(
        lines["box"]["metrics"]["loudness_lufs"], abs=0.2
    )
    assert sum(lufs["missing"].values()) == 4


def test_what_nobody_gave_is_unavailable_with_its_reason(scored: Path) -> None:
    metrics, _ = read(scored)
    assert "classes and events are not known" in metrics["event_f1"]["unavailable"]
    assert "validation_loss" not in metrics  # it comes from no clip


def test_dvc_reads_values_and_plots_a_row_a_clip(scored: Path, tmp_path: Path) -> None:
    repo = Repo.init(str(tmp_path), no_scm=True)
    for name in (VALUES_FILE, TABLE_FILE):
        shutil.copy(scored / name, tmp_path)
    with chdir(tmp_path):
        (shown,) = repo.metrics.show(targets=[VALUES_FILE]).values()
        figures = shown["data"][VALUES_FILE]["data"]
        (plotted,) = repo.plots.show(targets=[TABLE_FILE], props={"x": "clip", "y": "loudness_lufs"}).values()
    assert figures["loudness_lufs"] == read(scored)[0]["loudness_lufs"]["value"]
    assert all(isinstance(value, float) for value in figures.values()) and "event_f1" not in figures
    rows = next(iter(plotted["sources"]["data"].values()))["data"]
    loudness = {row["clip"]: row["loudness_lufs"] for row in rows}
    assert float(loudness["ball"]) == pytest.approx(read(scored)[1]["ball"]["metrics"]["loudness_lufs"][0], abs=1e-5)
    assert loudness["silent"] == "" and len(rows) == 7  # unavailable is no number


def test_what_is_kept_is_taken_over_whatever_the_number_of_workers(
    clips: Path, scorer: Scorer, scored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    score(replace(scorer, engine=Engine(workers=1), cache=tmp_path / "cache"), clips, tmp_path / "one")
    monkeypatch.setattr(scorer_module, "measure_file", None)  # nothing may be measured but the file that failed
    good = tmp_path / "good"
    good.mkdir()
    for name in ("ball", "box"):
        (good / f"{name}.mp4").symlink_to(clips / f"{name}.mp4")
    score(scorer, good, tmp_path / "again")
    for name in ("metrics.json", CLIPS_FILE):
        assert (tmp_path / "one" / name).read_bytes() == (scored / name).read_bytes()
    assert read(tmp_path / "again")[1]["ball"] == read(scored)[1]["ball"]


def test_half_the_clips_missing_is_counted(clips: Path, scorer: Scorer, tmp_path: Path) -> None:
    asked = {name: Asked(prompt=name, label="red-ball") for name in ("ball", "gone")}
    result = score(scorer, clips, tmp_path, asked=asked)
    f1 = result["metrics"]["event_f1"]
    assert (f1["clips"], f1["of"], f1["missing"]) == (1, 2, {"there is no clip of this prompt": 1})
    assert f1["value"] > 0.9 and result["suite"] == {"clips": 2, "missing": 1}


def test_clips_of_the_same_names_are_compared_in_pairs(clips: Path, scorer: Scorer, tmp_path: Path) -> None:
    quiet = tmp_path / "quiet"
    quiet.mkdir()
    for name in ("ball", "box"):
        take = draw_take(np.random.default_rng(3), "red-ball", FRAMES / FPS)
        frames = np.stack(list(render_frames(take, FPS, FRAMES, 48)))
        write_media(quiet / f"{name}.mp4", frames, FPS, render_audio(take, RATE_HZ, SAMPLES) / 4, RATE_HZ)
    result = score(scorer, clips, tmp_path / "out", against=quiet)
    difference = result["against"]["differences"]["loudness_lufs"]
    assert difference["pairs"] == 2 and difference["value"] > 6 and difference["better"] is None  # no direction
    itself = score(scorer, clips, tmp_path / "same", against=clips)["against"]["differences"]["loudness_lufs"]
    assert (itself["value"], itself["low"], itself["high"], itself["better"]) == (0, 0, 0, None)


def test_what_is_asked_of_a_clip_is_asked_of_its_pair(clips: Path, scorer: Scorer, tmp_path: Path) -> None:
    other = tmp_path / clips.name
    other.mkdir()
    for name, file in (("ball", "box"), ("box", "ball")):  # the classes the wrong way round
        (other / f"{name}.mp4").symlink_to(clips / f"{file}.mp4")
    asked = {name: Asked(prompt=name, label=label) for name, label in (("ball", "red-ball"), ("box", "green-box"))}
    result = score(scorer, clips, tmp_path / "out", asked=asked, against=other)
    difference = result["against"]["differences"]["video_class"]
    assert (difference["value"], difference["pairs"]) == (1.0, 2)
    assert result["metrics"]["video_class"]["data"] == 0
    assert result["against"]["folder"] == f"{tmp_path.name}/{clips.name}" != result["folder"]


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda folder: None, "is no folder"),
        (lambda folder: folder.mkdir(), "holds no video file"),
        (
            lambda folder: [folder.mkdir(), *((folder / f"a.{end}").touch() for end in ("mp4", "mkv"))],
            "holds both a.mkv",
        ),
    ],
)
def test_a_folder_that_cannot_be_scored_is_refused(make, told: str, scorer: Scorer, tmp_path: Path) -> None:
    make(tmp_path / "clips")
    with pytest.raises(UsageError, match=told):
        score(scorer, tmp_path / "clips", tmp_path / "out")


def test_prompts_that_name_other_files_are_refused(clips: Path, scorer: Scorer, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none of the 7 files of \S+ has a name of the prompts, such as 00000.mp4"):
        score(scorer, clips, tmp_path, asked={"00000": Asked(prompt="a red ball")})


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "name one of these"),
        ({"phase": "phase1", "videos": Path()}, "name one of these"),
        ({"videos": Path()}, "--out is missing"),
        ({"phase": "phase1", "against": Path()}, "--against goes with --videos or --suite"),
    ],
)
def test_modes_exclude_each_other(given: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        evaluate(**given)


def test_the_command_leaves_a_page(
    clips: Path, scorer: Scorer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Scorer, "of", lambda *_: scorer)
    result = evaluate(videos=clips, out=tmp_path)
    page = Path(result["page"])
    assert page == tmp_path / "report.html" and f"Report: {page}" in result["text"]
    assert "metrics measured of 7 clips" in page.read_text()
