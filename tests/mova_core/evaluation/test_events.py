"""The detectors find what truly happens, and tell synchronous clips from wrongly paired ones."""

import numpy as np
import pytest

from mova_core.evaluation.events import (
    agreement,
    audio_onsets,
    audio_rise,
    desync,
    event_f1,
    floor_rise,
    matches,
    video_events,
)
from mova_core.synthetic.world import KINDS, draw_take, render_frames, render_sound

FPS, RATE_HZ, FRAMES, SAMPLES = 16, 16_000, 33, 33_000


@pytest.fixture(scope="module")
def world():
    """40 clips and their true event times; clip i and i + 4 are of one class."""
    rng = np.random.default_rng(1)
    takes = [draw_take(rng, list(KINDS)[index % 4], FRAMES / FPS) for index in range(40)]
    clips = [
        (np.stack(list(render_frames(take, FPS, FRAMES, 48))), render_sound(take, RATE_HZ, SAMPLES)) for take in takes
    ]
    return clips, [take.events_s for take in takes]


def test_detectors_find_the_true_events(world) -> None:
    clips, true = world
    seen = [(video_events(frames, FPS), events) for (frames, _), events in zip(clips, true, strict=True)]
    heard = [(audio_onsets(audio, RATE_HZ), events) for (_, audio), events in zip(clips, true, strict=True)]
    assert event_f1(seen, 1 / FPS) >= 0.95
    assert event_f1(heard, 1 / FPS) >= 0.98


def test_true_pairs_agree_and_shuffled_pairs_do_not(world) -> None:
    clips, _ = world
    right = agreement(clips, FPS, RATE_HZ)
    wrong = agreement([(clips[i][0], clips[(i + 4) % 40][1]) for i in range(40)], FPS, RATE_HZ)
    assert right.f1 >= 0.95 and right.offset_s <= 0.04 and right.desync_s <= 0.03
    assert wrong.f1 <= 0.30 and wrong.offset_s >= 0.10 and wrong.desync_s >= 0.15


@pytest.mark.parametrize("lag_s", [-0.3, 0.0, 0.2])
def test_desync_is_the_lag_of_the_sound(world, lag_s: float) -> None:
    frames, audio = world[0][1]
    moved = np.roll(audio, round(lag_s * RATE_HZ))
    assert desync(floor_rise(frames), FPS, audio_rise(moved, RATE_HZ)) == pytest.approx(lag_s, abs=0.04)


def test_each_event_is_matched_once() -> None:
    assert matches([1.0], [0.95, 1.05], 0.06) == 1
    assert matches([1.0, 1.1], [1.05, 1.15], 0.06) == 2
    assert matches([1.0], [1.2], 0.06) == 0
    assert event_f1([([1.0, 2.0], [1.0])], 0.06) == pytest.approx(2 / 3)


def test_nothing_to_measure_is_none() -> None:
    still, silent = np.zeros((FRAMES, 48, 48, 3), np.uint8), np.zeros(SAMPLES, np.float32)
    measured = agreement([(still, silent)], FPS, RATE_HZ)
    assert (measured.f1, measured.offset_s, measured.desync_s) == (None, None, None)
