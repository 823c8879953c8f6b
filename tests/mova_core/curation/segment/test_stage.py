"""The stage on a few small files: every source ends in windows or a reason, and how it is run changes no byte."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from mova_core.curation.engine.base import Engine
from mova_core.curation.funnel import covered_s
from mova_core.curation.segment.remainder import remainder
from mova_core.curation.segment.stage import Source, segment, segment_source, windows_of
from mova_core.curation.tables import read_table, write_table
from mova_core.errors import MediaError
from mova_core.geometry import GEOMETRIES
from mova_core.media.encode import write_media
from mova_core.params import Params, SegmentParams
from mova_core.places import DataFolder
from mova_core.storage.hashing import sha256_file
from mova_core.synthetic.world import draw_take, render_audio, render_frames

PARAMS = Params(preset="nano")
FPS = 24
RATE_HZ = 16_000
TABLES = ("segments.parquet", "windows.parquet", "near_duplicates.parquet", "rejects/segment.parquet")


def write_file(path: Path, seconds: float, cut_s: float = 0.0, audio_s: float | None = None) -> None:
    """A 96 x 96 world in a 96 x 128 frame; another world from `cut_s` on."""
    rng = np.random.default_rng(len(path.name))
    first = replace(draw_take(rng, "red-ball", seconds, (20, 60, 90)), quality=0.8)
    second = replace(draw_take(rng, "green-box", seconds, (90, 30, 70)), quality=0.8)
    count, cut = round(seconds * FPS), round(cut_s * FPS)
    worlds = [*render_frames(first, FPS, count, 96)]
    if cut:
        worlds[cut:] = [*render_frames(second, FPS, count - cut, 96)]
    frames = [np.pad(world, ((16, 16), (0, 0), (0, 0))) for world in worlds]
    audio = render_audio(first, RATE_HZ, round((seconds if audio_s is None else audio_s) * RATE_HZ))
    write_media(path, frames, Fraction(FPS), audio, RATE_HZ)


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("footage")
    write_file(folder / "cut.mp4", 7.0, cut_s=3.0)
    write_file(folder / "short.mp4", 1.5)
    write_file(folder / "mute end.mp4", 3.0, audio_s=1.0)
    whole = (folder / "cut.mp4").read_bytes()
    damaged = bytearray(whole)
    damaged[len(whole) // 3 : len(whole) // 3 + 4000] = np.random.default_rng(0).bytes(4000)
    (folder / "damaged.mp4").write_bytes(damaged)
    (folder / "refused.mp4").write_bytes(b"turned away by ingest")
    return folder


def run(footage: Path, root: Path, workers: int = 2, params: Params = PARAMS) -> tuple[dict, DataFolder]:
    data = DataFolder(root)
    rows = [
        {
            "source_id": sha256_file(path),
            "path": path.name,
            "verdict": "rejected" if path.name.startswith("refused") else "accepted",
            "width_px": 96,
            "height_px": 128,
            "duration_s": 7.0,
        }
        for path in sorted(footage.iterdir())
    ]
    write_table(data.table("sources"), "sources", rows)
    return segment(params, footage, data, Engine(workers=workers), root / "result_cache"), data


@pytest.fixture(scope="module")
def segmented(footage: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, DataFolder]:
    return run(footage, tmp_path_factory.mktemp("segmented"))


def test_every_accepted_source_ends_in_windows_or_a_reason(footage, segmented):
    summary, data = segmented
    ids = {path.name: sha256_file(path) for path in footage.iterdir()}
    rows = read_table(data.rejects("segment"), "rejects")
    rejects = {row["id"]: row for row in rows if row["start_s"] is None}
    (rest,) = (row for row in rows if row["start_s"] is not None and row["id"] == ids["cut.mp4"])
    assert rest["reason_code"] == "shorter_than_window"
    assert (rest["start_s"], rest["end_s"]) == (pytest.approx(3 + 33 / 16, abs=1e-6), 7.0)
    (lost,) = (row for row in rows if row["id"] == ids["damaged.mp4"] and row["reason_code"] == "decode_error")
    assert 2 < lost["start_s"] < lost["end_s"] == pytest.approx(3, abs=1e-6), "the shot boundary is a key frame"
    assert "damaged video at 2." in lost["reason"]
    windows = read_table(data.table("windows"), "windows")
    assert {row["source_id"] for row in windows} == {ids["cut.mp4"], ids["damaged.mp4"]}
    around = [row for row in windows if row["source_id"] == ids["damaged.mp4"]]
    assert all(row["end_s"] <= lost["start_s"] or row["start_s"] >= lost["end_s"] for row in around)
    assert {row["reason_code"] for row in rejects.values()} == {"too_short", "audio_too_short"}
    assert rejects[ids["mute end.mp4"]]["reason_code"] == "audio_too_short"
    whole_or_part = {ids["cut.mp4"], ids["damaged.mp4"]}
    assert set(rejects) | whole_or_part == {i for name, i in ids.items() if name != "refused.mp4"}
    assert all(row["table"] == "sources" and row["stage"] == "segment" and row["reason"] for row in rejects.values())
    assert (summary["sources"], summary["accepted"], summary["rejected"]) == (4, 2, 2)
    assert "2 of 4 sources give 5 windows of 2.06 s" in summary["text"]
    assert summary["in_no_window_s"] == pytest.approx(7 - 3 - 33 / 16 + 7 - 2 * 33 / 16, abs=1e-3)


def test_a_known_file_is_segmented_as_it_was_made(footage, segmented):
    _, data = segmented
    by_id = {row["source_id"]: row for row in read_table(data.table("segments"), "segments")}
    row = by_id[sha256_file(footage / "cut.mp4")]
    assert row["cuts_s"] == pytest.approx([3.0], abs=1e-6)
    assert row["speech_s"] == []
    assert [row[f"crop_{side}_px"] for side in ("top", "bottom", "left", "right")] == [16, 16, 0, 0]
    assert len(by_id) == 4, "what decodes has its row, windows or not"
    windows = read_table(data.table("windows"), "windows")
    assert [(w["start_s"], w["kind"]) for w in windows if w["source_id"] == row["source_id"]] == [
        (0.0, "single_scene_nonspeech"),
        (pytest.approx(33 / 16), "multi_scene_nonspeech"),
        (3.0, "single_scene_nonspeech"),
    ]


def test_workers_and_a_second_run_change_no_byte(footage, segmented, tmp_path):
    _, before = segmented
    _, data = run(footage, tmp_path, workers=1)
    first = [(data.root / name).read_bytes() for name in TABLES]
    assert first == [(before.root / name).read_bytes() for name in TABLES]
    parts = sorted((tmp_path / "result_cache").rglob("*.json"))
    stamps = [part.stat().st_mtime_ns for part in parts]
    parts[0].unlink()  # as if the first run had been killed before it
    run(footage, tmp_path, workers=2)
    assert [(data.root / name).read_bytes() for name in TABLES] == first
    assert [part.stat().st_mtime_ns for part in parts][1:] == stamps[1:], "finished parts are taken over"


@pytest.mark.parametrize(
    "path",
    [
        "generated-cat-ball-mova-mono-352p-8s.mp4",
        "just-too-short-toy-elf-480p-8s.webm",
        "talking-head-en-512-mpeg4-16khz-8s.mp4",
        "hostile/audio-starts-2.5s-late-edit-list.mp4",
        "hostile/header-says-10-hours.mp4",
        "hostile/one-video-frame-10s-audio.mp4",
        "hostile/start-offset-1h.ts",
        "hostile/truncated-faststart-half-of-mdat.mp4",
        "derived/avi-pillarboxed-silent-film-mp3-10s.avi",
    ],
)
def test_real_files_give_windows_or_none_as_expected(media, manifest, path):
    truth = manifest[path]
    try:
        result = segment_source(Source(sha256_file(media / path), media / path, SegmentParams()))
    except MediaError as error:
        assert "reject" in truth["accept"] and error.reason
        return
    try:
        windows = windows_of(result, GEOMETRIES["mova-720p"], 0, "0" * 64)
    except MediaError:
        windows = []
    assert ("clips" if windows else "no_clip") in truth["accept"]
    for window in windows:
        assert window["end_s"] <= result["audio_s"][1] + 1e-3
    if truth.get("boundary"):
        assert len(windows) == 1
    if path.startswith("talking-head"):
        assert_of_short_clips_little_is_lost(result)


def assert_of_short_clips_little_is_lost(result: dict) -> None:
    """Somebody speaks from 0.07 s to the end, with two pauses."""
    geometry = GEOMETRIES["nano-48"]
    windows = windows_of(result, geometry, 0, "0" * 64)
    rest = list(remainder(result, windows, geometry, 8.0))
    assert len(windows) == 3 and all(row["kind"] == "single_scene_speech" for row in windows)
    assert {row["reason_code"] for row in rest} == {"shorter_than_window"}
    assert covered_s([*windows, *({"source_id": "0" * 64, **row} for row in rest)]) == pytest.approx(8.0, abs=1e-5)


def test_audio_alone_is_a_reject_of_this_stage_even_if_it_cannot_be_compared(tmp_path):
    folder = tmp_path / "footage"
    folder.mkdir()
    (folder / "song.wav").write_bytes(b"cannot be decoded")
    data = DataFolder(tmp_path / "data")
    row = {"source_id": sha256_file(folder / "song.wav"), "path": "song.wav", "kind": "audio", "verdict": "accepted"}
    row["duration_s"] = 3.0
    write_table(data.table("sources"), "sources", [row])
    summary = segment(PARAMS, folder, data, Engine(workers=1), tmp_path / "result_cache")
    reject = read_table(data.rejects("segment"), "rejects")[0]
    assert (reject["id"], reject["reason_code"]) == (row["source_id"], "audio_only")
    assert "is not compared with other sources" in reject["reason"]
    assert (summary["sources"], summary["accepted"], summary["rejected"]) == (1, 0, 1)
