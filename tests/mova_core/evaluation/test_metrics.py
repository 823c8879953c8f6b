"""On clips of the synthetic world metrics are near their best; of wrongly paired clips they are far from it."""

import numpy as np
import pytest

from mova_core.evaluation.metrics import clip_set_metrics, measure, shuffled_baseline, shuffled_pairs
from mova_core.evaluation.suite import LabelledClip
from mova_core.geometry import GEOMETRIES
from mova_core.synthetic.world import KINDS, draw_take, render_frames, render_sound

GEOMETRY = GEOMETRIES["nano-48"]


@pytest.fixture(scope="module")
def measured():
    rng = np.random.default_rng(2)
    clips = []
    for index in range(24):
        kind = list(KINDS)[index % 4]
        take = draw_take(rng, kind, GEOMETRY.duration_s)
        frames = np.stack(list(render_frames(take, GEOMETRY.fps, GEOMETRY.frames, 48)))
        sound = render_sound(take, GEOMETRY.audio_rate_hz, GEOMETRY.audio_samples)
        clips.append(measure(LabelledClip(frames, sound, kind), GEOMETRY))
    return clips


def test_true_pairs_are_near_the_best_and_shuffled_pairs_are_not(measured) -> None:
    metrics = clip_set_metrics(measured, GEOMETRY, made=True, reference=measured, audible_above_lufs=-50)
    shuffled = shuffled_baseline(measured, GEOMETRY, made=True)
    assert metrics["event_f1"].value > 0.95 and shuffled["event_f1"] < 0.35
    assert metrics["offset_s"].value < 0.04 and shuffled["offset_s"] > 0.1
    assert metrics["desync_s"].value < 0.03 and shuffled["desync_s"] > 0.12
    assert metrics["av_align"].value > shuffled["av_align"] + 0.3
    assert metrics["video_class"].value == metrics["audio_class"].value == 1
    assert (
        shuffled["video_class"] == shuffled["audio_class"] == pytest.approx(5 / 23)
    )  # 5 of 23 others are of its class
    assert metrics["audible_share"].value == 1


def test_shuffled_pairs_are_of_one_class_and_never_of_one_clip(measured) -> None:
    pairs = shuffled_pairs(measured)
    assert len(pairs) == 24 * 5
    assert all(one is not other and one.label == other.label for one, other in pairs)


def test_footage_that_is_not_made_has_no_events_and_no_classes(measured) -> None:
    metrics = clip_set_metrics(measured, GEOMETRY, made=False, reference=[], audible_above_lufs=-50)
    assert set(metrics) == {"av_align", "audible_share"}


def test_silence_is_not_zero() -> None:
    clip = LabelledClip(
        np.zeros((GEOMETRY.frames, 48, 48, 3), np.uint8), np.zeros(GEOMETRY.audio_samples, np.float32), "red-ball"
    )
    still = measure(clip, GEOMETRY)
    metrics = clip_set_metrics([still], GEOMETRY, made=True, reference=[still], audible_above_lufs=-50)
    assert [metrics[name].value for name in ("event_f1", "offset_s", "desync_s", "av_align")] == [None] * 4
    assert metrics["audible_share"].value == 0 and "loudness_error_lu" not in metrics
