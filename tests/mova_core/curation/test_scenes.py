"""Cuts of known pictures are found at their own times; what only moves or flashes is none."""

import itertools

import cv2
import numpy as np
import pytest

from mova_core.curation.scenes import CutFinder, small_size
from mova_core.media.bouncing import draw_take, render_frames
from mova_core.media.decode import Frame, decode
from mova_core.params import SegmentParams

PARAMS = SegmentParams()


def cuts_of(times, pictures) -> list[float]:
    finder = CutFinder(PARAMS.cut_threshold, PARAMS.min_content, PARAMS.min_scene_s)
    for time_s, picture in zip(times, pictures, strict=True):
        finder.add(time_s, picture)
    return finder.cuts_s()


def world(seed: int, kind: str, seconds: float, background: tuple[float, float, float], fps: int):
    take = draw_take(np.random.default_rng(seed), kind, seconds, background)
    frames = render_frames(take, fps, round(seconds * fps), 96)
    return [cv2.resize(frame, small_size(96, 96), interpolation=cv2.INTER_AREA) for frame in frames]


@pytest.mark.parametrize("fps", [16, 30])
def test_cuts_of_the_bouncing_world_are_found_and_its_flashes_are_not(fps):
    pictures = [
        *world(1, "red-ball", 4.0, (20, 60, 90), fps),
        *world(2, "green-box", 3.5, (90, 30, 70), fps),
        *world(3, "yellow-ring", 3.0, (30, 40, 110), fps),
    ]
    times = np.arange(len(pictures)) / fps
    assert cuts_of(times, pictures) == pytest.approx([4.0, 7.5], abs=1e-6)


def test_a_cut_has_its_pictures_time_whatever_the_frame_rate_does():
    fps = 24
    pictures = world(4, "blue-diamond", 3.0, (80, 60, 20), fps) + world(5, "red-ball", 3.0, (20, 60, 90), fps)
    gaps = np.random.default_rng(0).uniform(0.01, 0.12, len(pictures))
    times = 1.5 + np.cumsum(gaps)
    assert cuts_of(times, pictures) == pytest.approx([times[3 * fps]], abs=1e-6)


def test_a_pan_is_no_cut():
    wide = cv2.resize(np.random.default_rng(1).integers(0, 255, (9, 60, 3), np.uint8), (600, 64))
    pictures = [np.ascontiguousarray(wide[:, x : x + 64]) for x in range(0, 500, 6)]
    assert cuts_of(np.arange(len(pictures)) / 25, pictures) == []


def test_cuts_closer_than_the_shortest_scene_count_once():
    plain = [np.full((36, 64, 3), colour, np.uint8) for colour in ((200, 30, 30), (30, 200, 30), (30, 30, 200))]
    pictures = [plain[0]] * 25 + [plain[1]] * 5 + [plain[2]] * 25
    assert cuts_of(np.arange(55) / 25, pictures) == pytest.approx([1.0])


def test_small_pictures_keep_their_shape():
    for size, small in {
        (1920, 1080): (64, 36),
        (1080, 1920): (36, 64),
        (48, 48): (48, 48),
        (8000, 16): (64, 1),
    }.items():
        assert small_size(*size) == small


@pytest.mark.parametrize(
    "path",
    [
        "documentary-multishot-two-people-anamorphic-pal-25s.mp4",
        "nasa-narration-en-multistream-subs-lowres-13s.mp4",
        "sound-crowd-cheering-loud-360p-10s.mp4",  # a shaking camera: no cut
        "rotated-180-vfr-quiet-fire-720p-2s.mp4",
    ],
)
def test_cuts_of_real_footage_are_found_within_one_frame(media, manifest, path):
    truth = manifest[path]
    finder = CutFinder(PARAMS.cut_threshold, PARAMS.min_content, PARAMS.min_scene_s)
    times = []
    for frame in decode(media / path, audio_rate_hz=None):
        assert isinstance(frame, Frame)
        times.append(frame.time_s)
        finder.add(frame.time_s, frame.rgb(*small_size(frame.picture.width, frame.picture.height)))
    one_frame_s = max(after - before for before, after in itertools.pairwise(times))
    gradual = truth.get("gradual_transitions_s", [])
    found = [cut for cut in finder.cuts_s() if not any(start <= cut <= end for start, end, _ in gradual)]
    assert found == pytest.approx(truth["cuts_s"], abs=one_frame_s)
