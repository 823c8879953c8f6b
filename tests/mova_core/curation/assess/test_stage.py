"""Every clip gets a verdict: good ones are accepted, each fault is named, and nothing depends on the workers."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mova_core.curation.assess.limits import rejections
from mova_core.curation.assess.stage import assess, judge_clips, summarise
from mova_core.curation.engine.base import Engine
from mova_core.curation.tables import EITHER, LIMITED, MEASURE_NAMES, read_table, write_table
from mova_core.errors import StaleError
from mova_core.media.encode import write_media
from mova_core.params import PHASE_NAMES, AssessParams, Params
from mova_core.places import DataFolder
from mova_core.synthetic.world import KINDS, draw_take, render_audio, render_frames

FRAMES, FPS, SIDE_PX, RATE_HZ, SAMPLES = 33, 16, 48, 16_000, 33_000
GOOD = [f"good{index}" for index in range(5)]
FAULTS = {
    "silent": "silence_ratio",
    "hum": "bandwidth_hz",
    "faint": "lufs",
    "overdriven": "clipped_share",
    "black": "black_share",
    "frozen": "frozen_share",
    "damaged": "damaged_clip",
}


def made_clip(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Frames and audio of a clip without fault."""
    take = draw_take(np.random.default_rng(seed), list(KINDS)[1 + seed % 3], FRAMES / FPS)
    return np.stack(list(render_frames(take, FPS, FRAMES, SIDE_PX))), render_audio(take, RATE_HZ, SAMPLES)


def faulty_clip(fault: str) -> tuple[np.ndarray, np.ndarray]:
    """The same with one fault."""
    frames, audio = made_clip(seed=11)
    times = np.arange(SAMPLES) / RATE_HZ
    noise = np.random.default_rng(0).standard_normal(SAMPLES).astype(np.float32)
    match fault:
        case "silent":
            audio = np.zeros_like(audio)
        case "hum":
            audio = (0.3 * np.sin(2 * np.pi * 100 * times)).astype(np.float32)
        case "faint":  # a quarter of the time just above silence
            audio = noise * np.float32(0.0038) * (times % 0.08 < 0.02)
        case "overdriven":
            audio = (noise * 2).clip(-1, 1)
        case "black":
            frames = frames // 12
        case "frozen":
            frames = np.repeat(frames[:1], FRAMES, axis=0)
    return frames, audio


@pytest.fixture(scope="module")
def cut_clips(tmp_path_factory) -> Path:
    """A data folder as `cut` leaves it."""
    data = DataFolder(tmp_path_factory.mktemp("cut"))
    data.clips.mkdir()
    rows = []
    for name in [*GOOD, *FAULTS]:
        path = data.clips / f"{name}.mp4"
        frames, audio = made_clip(GOOD.index(name)) if name in GOOD else faulty_clip(name)
        write_media(path, frames, FPS, audio, RATE_HZ)
        if name == "damaged":
            path.write_bytes(path.read_bytes()[:500])
        rows.append(clip_row(name, path))
    write_table(data.table("clips"), "clips", rows)
    windows = [{"window_id": f"w-{row['clip_id']}", "source_id": "s", "start_s": 10.0, "end_s": 12.0} for row in rows]
    write_table(data.table("windows"), "windows", windows)
    write_table(data.table("segments"), "segments", [{"source_id": "s", "cuts_s": [], "speech_s": [[0.0, 10.5]]}])
    write_table(data.table("sources"), "sources", [{"source_id": "s", "path": "talk.mp4", "language": "ja"}])
    return data.root


def clip_row(name: str, path: Path) -> dict[str, Any]:
    return {
        "clip_id": name,
        "window_id": f"w-{name}",
        "source_id": "s",
        "path": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "bytes": path.stat().st_size,
        "width_px": SIDE_PX,
        "height_px": SIDE_PX,
        "orientation": "square",
        "frames": FRAMES,
        "fps": float(FPS),
        "audio_rate_hz": RATE_HZ,
        "audio_samples": SAMPLES,
        "filled_s": 0.0,
        "split": "train",
    }


@pytest.fixture(scope="module")
def assessed(cut_clips) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """Verdicts by clip, and the summary."""
    summary = assess(Params(), DataFolder(cut_clips), Engine(), cut_clips / ".result_cache")
    verdicts = read_table(DataFolder(cut_clips).table("verdicts"), "verdicts")
    return {row["clip_id"]: row for row in verdicts}, summary


def test_every_clip_has_one_verdict_and_every_rejected_one_a_reason(cut_clips, assessed):
    verdicts, summary = assessed
    rejects = read_table(DataFolder(cut_clips).rejects("assess"), "rejects")
    assert list(verdicts) == [*GOOD, *FAULTS]
    assert {name for name, row in verdicts.items() if row["verdict"] == "accepted"} == set(GOOD)
    assert {row["id"]: row["reason_code"] for row in rejects} == FAULTS
    assert {(row["table"], row["stage"]) for row in rejects} == {("clips", "assess")}
    assert (summary["accepted"], sum(summary["rejected"].values())) == (len(GOOD), len(FAULTS))


def test_a_rejection_is_a_sentence(assessed):
    verdicts, _ = assessed
    assert verdicts["silent"]["rejections"]["silence_ratio"] == "silence_ratio 1 is not below 0.8"
    assert verdicts["frozen"]["rejections"] == {"frozen_share": "frozen_share 1 is not below 0.9"}


def test_nano_measures_no_more_and_says_what_it_left_out(assessed):
    verdicts, summary = assessed
    others = MEASURE_NAMES[9:]
    assert all(row[measure] is None for row in verdicts.values() for measure in others)
    assert list(summary["unavailable"]) == list(others)
    assert summary["unavailable"]["dover_technical"] == "params weights.dover is not configured"
    assert summary["unavailable"]["text_share"] == "`text` is not among params assess.measures"
    assert all(row["unavailable"] is row["has_subtitles"] is None for row in verdicts.values())
    assert {name: row["language"] for name, row in verdicts.items()} == dict.fromkeys(verdicts, "ja") | {
        "damaged": None
    }
    assert all(verdicts[name][measure] is not None for name in GOOD for measure in MEASURE_NAMES[:9])


@pytest.mark.parametrize(
    ("stated", "speech_s", "language", "reason"),
    [
        ("ja", [[10.0, 10.5]], "ja", None),
        ("ja", None, "ja", None),
        ("ja", [], None, "nobody speaks"),
        (None, [[10.0, 10.5]], None, "no sidecar states the language of its file"),
    ],
)
def test_the_language_is_that_of_the_sidecar_or_the_reason_stands_in_the_row(
    cut_clips, tmp_path, stated, speech_s, language, reason
):
    data = DataFolder(tmp_path)
    (row, *_) = read_table(DataFolder(cut_clips).table("clips"), "clips")
    write_table(data.table("clips"), "clips", [row])
    data.table("windows").write_bytes(DataFolder(cut_clips).table("windows").read_bytes())
    write_table(data.table("segments"), "segments", [{"source_id": "s", "speech_s": speech_s}])
    write_table(data.table("sources"), "sources", [{"source_id": "s", "language": stated}])
    data.clips.symlink_to(cut_clips / "clips")
    assess(Params(), data, Engine(), cut_clips / ".result_cache")
    (verdict,) = read_table(data.table("verdicts"), "verdicts")
    assert (verdict["language"], (verdict["unavailable"] or {}).get("language")) == (language, reason)


def test_speech_is_that_of_the_window(assessed):
    assert {row["speech_share"] for row in assessed[0].values()} == {0.25}


def test_phases_are_those_of_accepted_clips(assessed):
    verdicts, summary = assessed
    assert summary["phases"] == {"audio": 5, "phase1": 5, "phase2": 4, "phase3": 3}
    assert all(verdicts[name]["phases"] == [] for name in FAULTS)
    noisiest = max(GOOD, key=lambda name: verdicts[name]["noise_sd"])
    assert verdicts[noisiest]["phases"] == ["audio", "phase1"]


def test_two_workers_give_the_same_bytes(cut_clips, assessed, tmp_path):
    data = DataFolder(cut_clips)
    one = [data.table("verdicts").read_bytes(), data.rejects("assess").read_bytes()]
    assess(Params(), data, Engine(workers=2), tmp_path / "result_cache")
    assert [data.table("verdicts").read_bytes(), data.rejects("assess").read_bytes()] == one


def test_finished_measures_are_taken_over_whatever_the_limits(cut_clips, assessed, tmp_path):
    """The files are replaced by ones that cannot be read, so what is known comes from the run before."""
    data = DataFolder(tmp_path)
    data.clips.mkdir()
    rows = [row for row in read_table(DataFolder(cut_clips).table("clips"), "clips") if row["clip_id"] != "damaged"]
    write_table(data.table("clips"), "clips", rows)
    for name in ("windows", "segments", "sources"):
        data.table(name).write_bytes(DataFolder(cut_clips).table(name).read_bytes())
    for row in rows:
        (data.clips / row["path"]).write_bytes((cut_clips / "clips" / row["path"]).read_bytes())
    before = assess(Params(), data, Engine(), tmp_path / "result_cache")
    for row in rows:
        (data.clips / row["path"]).write_bytes(b"gone")
    after = assess(Params(assess=AssessParams(silence_ratio_below=1.0)), data, Engine(), tmp_path / "result_cache")
    assert before["accepted"] == after["accepted"] == len(GOOD)
    assert "damaged_clip" not in after["rejected"]


@pytest.mark.parametrize("found", [None, b"another clip"])
def test_clips_that_are_not_those_of_the_table_are_refused(cut_clips, tmp_path, found):
    data = DataFolder(tmp_path)
    data.clips.mkdir()
    (row, *_) = read_table(DataFolder(cut_clips).table("clips"), "clips")
    write_table(data.table("clips"), "clips", [row])
    for name in ("windows", "segments", "sources"):
        data.table(name).write_bytes(DataFolder(cut_clips).table(name).read_bytes())
    if found is not None:
        (data.clips / row["path"]).write_bytes(found)
    with pytest.raises(StaleError, match="run `mova cut` again"):
        assess(Params(), data, Engine(), tmp_path / "result_cache")
    assert not data.table("verdicts").exists()


def test_every_limit_has_its_rule():
    choices = {"measures", "allow_unavailable", "phase2", "phase3"}
    limits = {measure.limit_name for measure in (*LIMITED, *EITHER)}
    assert limits | choices == set(AssessParams.model_fields)


def test_clips_that_no_filter_has_seen_are_refused_and_counted_unless_allowed():
    """A large preset without weights: no limit speaks, so no phase may take the clips as if one had."""
    rows = [{"clip_id": name, **dict.fromkeys(MEASURE_NAMES), "lufs": -20.0, "rejections": {}} for name in "ab"]
    rows += [rows[0] | {"clip_id": "quiet", "lufs": -70.0}]
    strict = Params(preset="mova-360p")
    verdicts = judge_clips(rows, strict)
    summary = summarise(verdicts, strict)
    assert [row["verdict"] for row in verdicts] == ["rejected"] * 3
    assert verdicts[0]["rejections"] == judge_clips(verdicts, strict)[0]["rejections"]
    (sentence,) = verdicts[0]["rejections"].values()
    assert "without silence_ratio, bandwidth_hz" in sentence and "assess.allow_unavailable" in sentence
    assert summary["rejected"] == {"filters_unavailable": 2, "lufs": 1}
    assert summary["refused"] == dict.fromkeys(PHASE_NAMES, 2)

    needed = {measure for measures in summary["closed"].values() for measure in measures}
    lenient = Params(preset="mova-360p", assess=AssessParams(allow_unavailable=tuple(sorted(needed))))
    verdicts = judge_clips(rows, lenient)
    summary = summarise(verdicts, lenient)
    assert summary["rejected"] == {"lufs": 1}
    assert summary["phases"] == {"audio": 2, "phase1": 2, "phase2": 2, "phase3": 2}
    assert "subtitle_share" in summary["unavailable"] and summary["closed"] == {} == summary["refused"]


GOOD_SYNC = {"imagebind": 0.3, "desync_s": 0.1}


@pytest.mark.parametrize(
    ("measures", "broken"),
    [
        ({}, []),
        ({"silence_ratio": 0.8}, ["silence_ratio"]),
        ({"silence_ratio": 0.79, "bandwidth_hz": 1001}, []),
        ({"bandwidth_hz": 1000, "silence_ratio": 0.93}, ["silence_ratio", "bandwidth_hz"]),
        ({"audiobox_pq": 5.0, "dover_technical": 0.06}, ["audiobox_pq"]),
        (GOOD_SYNC, []),
        (GOOD_SYNC | {"imagebind": 0.1}, []),
        (GOOD_SYNC | {"desync_s": 0.6}, []),
        ({"imagebind": 0.2}, []),
        ({"desync_s": 0.5}, []),
        ({"imagebind": 0.1}, ["imagebind"]),
        ({"imagebind": 0.1, "desync_s": 0.6}, ["imagebind", "desync_s"]),
    ],
)
def test_limits_at_their_edges_and_null_rejects_nothing(measures, broken):
    assert list(rejections(measures, AssessParams())) == broken


def test_either_of_two_is_one_sentence():
    sentences = rejections({"imagebind": 0.1, "desync_s": 0.6}, AssessParams())
    assert set(sentences.values()) == {"imagebind 0.1 is not at least 0.2 and desync_s 0.6 is not at most 0.5"}
