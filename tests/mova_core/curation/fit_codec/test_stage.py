"""The codecs are fitted on accepted training clips only, and the same clips give the same bytes."""

import json

import pytest

from mova_core.curation.encode.accepted_clips import accepted_clips
from mova_core.curation.fit_codec import stage as module
from mova_core.curation.fit_codec.stage import draw_sample, fit_codec
from mova_core.curation.tables import read_table, write_table
from mova_core.errors import MovaError, StaleError, UsageError
from mova_core.params import params_from

PARAMS = params_from({"seed": 4, "fit_codec": {"clips": 16}})


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_clips_give_the_same_bytes_and_a_measured_codec(curated):
    summary = fit_codec(PARAMS, curated)
    once = files(curated.codec)
    fit_codec(PARAMS, curated)
    assert files(curated.codec) == once
    assert summary["clips"] == 16 and summary["held_out_clips"] == 2
    assert summary["psnr_db"] > 18 and summary["snr_db"] > 10  # few clips, and their noise counts
    assert f"{summary['psnr_db']:.1f} dB" in summary["text"]
    assert json.loads(once["video_vae/config.json"])["fingerprint"] == summary["fingerprint"]
    assert json.loads(once["model_index.json"])["fitted_on"]["seed"] == 4


def test_only_accepted_training_clips_are_seen(curated, monkeypatch):
    seen = []
    real = module.load_clip
    monkeypatch.setattr(module, "load_clip", lambda *args: seen.append(args[1]["clip_id"]) or real(*args))
    monkeypatch.setattr(module, "HELD_OUT_CLIPS", 0)
    summary = fit_codec(params_from({"fit_codec": {"clips": 400}}), curated)
    training = [clip["clip_id"] for clip in accepted_clips(curated) if clip["split"] == "train"]
    assert seen == training and len(training) == 18
    assert summary["psnr_db"] is None and "no validation clip" in summary["text"]


def test_the_sample_is_drawn_by_seed_in_the_order_of_the_table():
    clips = [{"clip_id": str(number)} for number in range(100)]
    once, other = draw_sample(clips, 16, seed=0), draw_sample(clips, 16, seed=1)
    assert once == draw_sample(clips, 16, seed=0) != other
    assert [int(clip["clip_id"]) for clip in once] == sorted(int(clip["clip_id"]) for clip in once)
    assert draw_sample(clips, 1000, seed=0) == clips


def test_a_preset_with_released_codecs_is_refused(curated):
    with pytest.raises(UsageError, match="preset mova-720p takes released codecs and skips this stage"):
        fit_codec(params_from({"preset": "mova-720p"}), curated)


def test_no_accepted_clip_is_said(curated):
    rows = read_table(curated.table("verdicts"), "verdicts")
    write_table(curated.table("verdicts"), "verdicts", [row | {"verdict": "rejected"} for row in rows])
    with pytest.raises(MovaError, match="none of the 21 clips"):
        fit_codec(PARAMS, curated)


def test_no_training_clip_is_said(curated):
    rows = read_table(curated.table("clips"), "clips")
    write_table(curated.table("clips"), "clips", [row | {"split": "validation"} for row in rows])
    with pytest.raises(MovaError, match="none of the 20 accepted clips is in the training split"):
        fit_codec(PARAMS, curated)


def test_a_clip_that_is_not_the_one_that_was_cut_is_refused(curated):
    clip = curated.clips / accepted_clips(curated)[0]["path"]
    clip.write_bytes(clip.read_bytes()[:-1])
    with pytest.raises(StaleError, match="mova cut"):
        fit_codec(params_from({"fit_codec": {"clips": 400}}), curated)


def test_a_clip_without_a_verdict_is_stale(curated):
    rows = read_table(curated.table("verdicts"), "verdicts")
    write_table(curated.table("verdicts"), "verdicts", rows[1:])
    with pytest.raises(StaleError, match="mova assess"):
        fit_codec(PARAMS, curated)
