"""Frames and audio are brought to what a model takes; clips that no model can judge are told apart."""

import contextlib
from fractions import Fraction

import av
import av.filter
import numpy as np
import pytest
import torch

from mova_core.measures.clip import Clip
from mova_core.measures.models.inputs import (
    center_crop,
    frame_numbers,
    normalized,
    short_side,
    why_unusable,
)

NOISE = np.random.default_rng(0).normal(0, 0.1, 48_000).astype(np.float32)


@pytest.mark.parametrize(("fps", "wanted"), [(24, 25), (30, 25), (50, 25), (16, 25), (25, 8), (25, 25)])
def test_the_frames_are_those_of_ffmpegs_filter(fps, wanted):
    graph = av.filter.Graph()
    source = graph.add_buffer(width=16, height=16, format="gray", time_base=Fraction(1, fps))
    graph.link_nodes(source, graph.add("fps", str(wanted)), graph.add("buffersink")).configure()
    for number in range(100):
        frame = av.VideoFrame.from_ndarray(np.full((16, 16), number, np.uint8), format="gray")
        frame.pts = number
        graph.push(frame)
    shown = [int(frame.to_ndarray()[0, 0]) for frame in pulled(graph)]
    assert len(shown) > 100 * wanted / fps - 3
    assert frame_numbers(100, fps, wanted)[: len(shown)] == shown


def pulled(graph):
    with contextlib.suppress(BlockingIOError):  # no more frames until the next is pushed
        while True:
            yield graph.pull()


@pytest.mark.parametrize(("shape", "size"), [((90, 160), (224, 398)), ((160, 90), (398, 224)), ((96, 96), (224, 224))])
def test_the_shorter_side_is_resized_and_the_middle_cropped(shape, size):
    frames = np.full((2, *shape, 3), 128, np.uint8)
    frames[:, shape[0] // 2 - 4 : shape[0] // 2 + 4, shape[1] // 2 - 4 : shape[1] // 2 + 4] = 255
    resized = short_side(frames, 224)
    assert resized.shape == (2, 3, *size)
    square = center_crop(resized, 224).float()
    assert square.shape == (2, 3, 224, 224)
    assert square[:, :, 108:116, 108:116].min() > 240 and square[:, :, :90].max() < 140


def test_colors_are_scaled_channel_by_channel():
    frames = torch.tensor([0, 255, 51], dtype=torch.uint8).expand(1, 2, 2, 3).permute(0, 3, 1, 2)
    scaled = normalized(frames, (0.5, 0.5, 0.1), (0.5, 0.25, 0.2))[0, :, 0, 0]
    torch.testing.assert_close(scaled, torch.tensor([-1.0, 2.0, 0.5]))


@pytest.mark.parametrize(
    ("frames", "audio", "reason"),
    [
        (1, NOISE, "it has 1 frame, no video"),
        (48, NOISE[:0], "it has no audio"),
        (48, NOISE * 0, "its audio is silent"),
        (48, np.where(np.arange(48_000) == 5, np.nan, NOISE).astype(np.float32), "its audio holds values that are no"),
        (48, NOISE[:24_000], "it lasts 0.5 s, and the model needs 1 s"),
        (12, NOISE, "it lasts 0.5 s, and the model needs 1 s"),
    ],
)
def test_a_clip_that_cannot_be_judged_tells_why(frames, audio, reason):
    clip = Clip(np.zeros((frames, 8, 8, 3), np.uint8), audio, 24.0, 48_000)
    assert why_unusable(clip, least_s=1.0).startswith(reason)
    assert why_unusable(Clip(np.zeros((48, 8, 8, 3), np.uint8), NOISE, 24.0, 48_000), least_s=1.0) is None
