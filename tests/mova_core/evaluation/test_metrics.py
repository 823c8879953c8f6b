"""On clips of the world itself the measures are near their best, wrongly paired ones near chance."""

import numpy as np
import pytest

from mova_core.evaluation.metrics import chances, measure, tallies_of, wrong_pairs
from mova_core.evaluation.suite import SeenClip
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
        clips.append(measure(SeenClip(frames, sound, kind), GEOMETRY))
    return clips


def test_true_pairs_are_near_the_best_and_wrong_pairs_near_chance(measured) -> None:
    tallies = tallies_of(measured, GEOMETRY, made=True, reference=measured, audible_above_lufs=-50)
    chance = chances(measured, GEOMETRY, made=True)
    assert tallies["event_f1"].value > 0.95 and chance["event_f1"] < 0.35
    assert tallies["offset_s"].value < 0.04 and chance["offset_s"] > 0.1
    assert tallies["desync_s"].value < 0.03 and chance["desync_s"] > 0.12
    assert tallies["av_align"].value > chance["av_align"] + 0.3
    assert tallies["picture_class"].value == tallies["sound_class"].value == 1
    assert chance["picture_class"] == chance["sound_class"] == pytest.approx(5 / 23)  # 5 of 23 others are of its class
    assert tallies["audible_share"].value == 1


def test_wrong_pairs_are_of_one_class_and_never_of_one_clip(measured) -> None:
    pairs = wrong_pairs(measured)
    assert len(pairs) == 24 * 5
    assert all(one is not other and one.label == other.label for one, other in pairs)


def test_footage_that_is_not_made_has_no_events_and_no_classes(measured) -> None:
    tallies = tallies_of(measured, GEOMETRY, made=False, reference=[], audible_above_lufs=-50)
    assert set(tallies) == {"av_align", "audible_share"}


def test_silence_is_not_zero() -> None:
    clip = SeenClip(
        np.zeros((GEOMETRY.frames, 48, 48, 3), np.uint8), np.zeros(GEOMETRY.audio_samples, np.float32), "red-ball"
    )
    still = measure(clip, GEOMETRY)
    tallies = tallies_of([still], GEOMETRY, made=True, reference=[still], audible_above_lufs=-50)
    assert [tallies[name].value for name in ("event_f1", "offset_s", "desync_s", "av_align")] == [None] * 4
    assert tallies["audible_share"].value == 0 and "loudness_error_lu" not in tallies
