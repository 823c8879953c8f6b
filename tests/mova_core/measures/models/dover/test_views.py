"""DOVER is given fragments and a resized view as published, drawn alike every time; scores are rescaled likewise."""

import numpy as np
import pytest
import torch

from mova_core.measures.clip import Clip, Unavailable
from mova_core.measures.models.dover.adapter import DoverQuality
from mova_core.measures.models.dover.views import (
    RGB_MEAN,
    RGB_STD,
    aesthetic_score,
    aesthetic_view,
    fragments,
    sampled,
    technical_score,
    technical_view,
)


def generator():
    return np.random.default_rng(0)


def numbered(count, height=240, width=320):
    """Frames whose brightness is their number."""
    return np.arange(count, dtype=np.uint8)[:, None, None, None] * np.ones((1, height, width, 3), np.uint8)


def brightness(view):
    """The brightness of each frame of a view [clips, 3, frames, H, W], 0..255."""
    return ((view[:, 0].amin(dim=(2, 3)) * RGB_STD[0] + RGB_MEAN[0]) * 255).round().int()


def test_a_clip_lies_in_each_third_and_takes_every_second_frame():
    chosen = sampled(240, 3, 32, generator())
    assert (np.diff(chosen, axis=1) == 2).all()
    for number, clip in enumerate(chosen):
        assert 80 * number <= clip[0] and clip[-1] < 80 * (number + 1)
    assert sampled(240, 32, 1, generator()).shape == (32, 1)
    assert sampled(48, 3, 32, generator())[1].tolist() == [(16 + 2 * step) % 48 for step in range(32)]  # round again


def test_views_are_the_same_every_time():
    frames = generator().integers(0, 255, (100, 230, 320, 3)).astype(np.uint8)
    torch.testing.assert_close(technical_view(frames), technical_view(frames), rtol=0, atol=0)
    technical, aesthetic = technical_view(numbered(193)), aesthetic_view(numbered(193))
    assert technical.shape == (3, 3, 32, 224, 224) and aesthetic.shape == (1, 3, 32, 224, 224)
    assert (brightness(technical).diff(dim=1) == 2).all()
    assert (brightness(aesthetic).diff(dim=1) > 0).all()  # 6 frames to a part: one of the first four of each


def test_fragments_are_squares_of_the_frame_itself_one_from_each_cell():
    rows, columns = np.meshgrid(np.arange(480), np.arange(640), indexing="ij")
    frame = np.stack([rows // 2, columns // 3, rows * 0], axis=-1).astype(np.uint8)[None]
    found = fragments(frame, generator())[0].numpy()
    tops, lefts = found[0, ::32, ::32] * 2.0, found[1, ::32, ::32] * 3.0
    cell = np.array([480 // 7, 640 // 7])
    for place in np.ndindex(7, 7):
        top, left = tops[place], lefts[place]
        assert cell[0] * place[0] - 2 <= top <= cell[0] * (place[0] + 1) - 32
        assert cell[1] * place[1] - 3 <= left <= cell[1] * (place[1] + 1) - 32
    inside = found[:2].reshape(2, 7, 32, 7, 32)
    assert (np.ptp(inside[0].astype(int), axis=1) == 15).sum() > 49 * 8  # 32 rows in a row, none resized
    assert len(np.unique(tops - cell[0] * np.arange(7)[:, None])) > 10  # drawn square by square


@pytest.mark.parametrize(("height", "width"), [(224, 224), (90, 160), (160, 90)])
def test_a_small_frame_is_enlarged_and_taken_whole(height, width):
    frame = np.zeros((1, height, width, 3), np.uint8)
    frame[:, height // 2 :] = 255
    found = fragments(frame, generator())[0, 0]
    assert found.shape == (224, 224)
    assert found[:96].max() == 0 and found[128:].min() == 255


def test_the_aesthetic_view_shows_the_whole_frame():
    frames = np.zeros((40, 100, 300, 3), np.uint8)
    frames[:, :, 150:] = 255
    view = aesthetic_view(frames)[0, 0, 0] * RGB_STD[0] + RGB_MEAN[0]
    assert view[:, :108].max() < 1e-3 and view[:, 116:].min() > 1 - 1e-3


def test_scores_are_the_logistic_of_the_standardised_answer():
    assert technical_score(0.1107) == aesthetic_score(-0.08285) == 0.5
    assert technical_score(0.1107 + 0.07355) == pytest.approx(0.7310586)
    assert aesthetic_score(-0.08285 - 2 * 0.03774) == pytest.approx(0.1192029)


class Brightness:
    """Answers with the mean of what it is given."""

    def technical(self, clips):
        return float(clips.mean())

    def aesthetic(self, clips):
        return float(clips.mean()) / 10


@pytest.mark.parametrize(("frames", "reason"), [(31, "it has 31 frames, and the model"), (1, "it has 1 frame, no")])
def test_a_short_video_is_unavailable_and_silence_is_not(frames, reason):
    silence = np.zeros(48_000, np.float32)
    for value in DoverQuality(Brightness())(Clip(numbered(frames), silence, 24.0, 48_000)).values():
        assert isinstance(value, Unavailable) and value.reason.startswith(reason)
    gray = Clip(np.full((32, 230, 230, 3), 100, np.uint8), silence, 24.0, 48_000)
    raw = np.mean([(100 / 255 - mean) / std for mean, std in zip(RGB_MEAN, RGB_STD, strict=True)])
    assert DoverQuality(Brightness())(gray) == {
        "dover_aesthetic": pytest.approx(aesthetic_score(raw / 10), rel=1e-4),
        "dover_technical": pytest.approx(technical_score(raw), rel=1e-4),
    }
