"""The detectors find what truly happens in clips of the synthetic world."""

import numpy as np
import pytest

from mova_core.evaluation.events import audio_onsets, video_events
from mova_core.media.audio.onsets import match_times
from mova_core.synthetic.world import KINDS, draw_take, render_audio, render_frames

FPS, RATE_HZ, FRAMES, SAMPLES = 16, 16_000, 33, 33_000


@pytest.fixture(scope="module")
def takes():
    rng = np.random.default_rng(1)
    return [draw_take(rng, list(KINDS)[index % 4], FRAMES / FPS) for index in range(40)]


def f1(pairs) -> float:
    return 2 * sum(len(match_times(*pair, 1 / FPS)) for pair in pairs) / sum(len(a) + len(b) for a, b in pairs)


def test_flashes_are_found(takes) -> None:
    videos = (np.stack(list(render_frames(take, FPS, FRAMES, 48))) for take in takes)
    assert f1([(video_events(video, FPS), take.events_s) for video, take in zip(videos, takes, strict=True)]) >= 0.95


def test_onsets_are_found(takes) -> None:
    audios = (render_audio(take, RATE_HZ, SAMPLES) for take in takes)
    assert (
        f1([(audio_onsets(audio, RATE_HZ), take.events_s) for audio, take in zip(audios, takes, strict=True)]) >= 0.98
    )
