"""ImageBind is given the published pieces of a clip, and its score is the cosine of what it says of them."""

import numpy as np
import pytest
import torch

from mova_core.measures.clip import Clip, Unavailable
from mova_core.measures.models.imagebind.adapter import ImageBindScore
from mova_core.measures.models.imagebind.windows import (
    MEL_MEAN,
    MEL_STD,
    RGB_MEAN,
    RGB_STD,
    audio_pieces,
    starts_s,
    three_crops,
    video_crops,
)

NOISE = np.random.default_rng(0).normal(0, 0.1, 8 * 16_000).astype(np.float32)


def shaded(count, height=30, width=40):
    """Frames whose brightness is their number."""
    return np.arange(count, dtype=np.uint8)[:, None, None, None] * np.ones((1, height, width, 3), np.uint8)


def test_pieces_start_evenly_from_the_start_to_two_seconds_before_the_end():
    assert starts_s(8.0, 5) == [0, 1.5, 3, 4.5, 6]
    assert starts_s(8.0, 3) == [0, 3, 6]
    assert starts_s(2.0, 3) == starts_s(1.5, 3) == [0, 0, 0]


def test_of_each_piece_the_first_and_the_last_frame_are_taken_in_three_crops():
    crops = video_crops(shaded(200), 25.0)
    assert crops.shape == (15, 3, 2, 224, 224)
    brightness = (crops[:, 0, :, 0, 0] * RGB_STD[0] + RGB_MEAN[0]) * 255
    starts = [0, 38, 75, 113, 150]  # the first frame at or after the start
    expected = [
        [start, stop - 1] for start, stop in zip(starts, [50, 88, 125, 163, 200], strict=True) for _ in range(3)
    ]
    np.testing.assert_allclose(brightness, expected, atol=1e-3)


@pytest.mark.parametrize(("height", "width"), [(224, 300), (300, 224), (224, 224)])
def test_crops_lie_at_both_ends_and_in_the_middle_of_the_longer_side(height, width):
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    corners = [
        tuple(int(axis) for axis in crop[0, :, 0, 0]) for crop in three_crops(torch.stack([rows, columns])[None])
    ]
    spare = max(height, width) - 224
    along = [0, (spare + 1) // 2, spare]
    assert corners == [(place, 0) if height > width else (0, place) for place in along]


def test_a_piece_of_audio_is_a_filter_bank_of_204_frames():
    pieces = audio_pieces(NOISE, 16_000)
    assert pieces.shape == (3, 1, 128, 204)
    torch.testing.assert_close(pieces[..., 198:], torch.full((3, 1, 128, 6), -MEL_MEAN / MEL_STD))  # 198 frames in 2 s
    torch.testing.assert_close(pieces[1], audio_pieces(NOISE[48_000:80_000], 16_000)[0])
    time_s = np.arange(32_000) / 16_000
    tone = audio_pieces(np.sin(2 * np.pi * 1000 * time_s).astype(np.float32), 16_000)[0, 0]
    low, high, mel = (1127 * np.log1p(hz / 700) for hz in (20, 8000, 1000))
    assert int(tone[:, 50].argmax()) == pytest.approx((mel - low) / (high - low) * 129 - 1, abs=1)


class Toy:
    """Embeds video as it is told to, audio as an axis of its own."""

    def __init__(self, video):
        self.video = torch.tensor(video)

    def embed_video(self, crops):
        return self.video

    def embed_audio(self, pieces):
        return torch.tensor([20.0, 0.0])


@pytest.mark.parametrize(
    ("video", "score"), [([0.5, 0.0], 1), ([0.0, 1.0], 0), ([-3.0, 0.0], -1), ([1.0, 1.0], 2**-0.5)]
)
def test_the_score_is_the_cosine_whatever_the_lengths(video, score):
    clip = Clip(shaded(200), NOISE, 25.0, 16_000)
    assert ImageBindScore(Toy(video))(clip) == {"imagebind": pytest.approx(score)}


@pytest.mark.parametrize(
    ("frames", "audio", "reason"),
    [
        (200, NOISE * 0, "its audio is silent"),
        (200, NOISE[:16_000], "it lasts 1 s, and the model needs 2 s"),
        (25, NOISE, "it lasts 1 s, and the model needs 2 s"),
        (1, NOISE, "it has 1 frame, no video"),
    ],
)
def test_what_cannot_be_embedded_is_unavailable(frames, audio, reason):
    clip = Clip(shaded(frames), audio, 25.0, 16_000)
    assert ImageBindScore(Toy([1.0, 0.0]))(clip) == {"imagebind": Unavailable(reason)}
