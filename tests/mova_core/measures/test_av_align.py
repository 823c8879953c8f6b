"""AV-Align by both definitions: known answers, and what the references' own loops give."""

from itertools import pairwise

import cv2
import numpy as np
import pytest

from mova_core.measures.av_align import FLOW_FLOOR_PX, flow_peaks_s, many_to_one, one_to_one
from mova_core.measures.clip import Clip
from mova_core.measures.sync import av_align, av_align_many_to_one, onsets_s

FPS, RATE_HZ = 25.0, 22_050


@pytest.mark.parametrize(
    ("onsets", "peaks", "one", "many"),
    [
        ([1.0, 2.0], [1.0, 2.0], 1.0, 1.0),
        ([1.0, 2.0], [1.03, 3.0], 1 / 3, 1 / 3),
        ([1.0], [1.04], 0.0, 0.0),  # a whole frame apart is too far
        ([1.0, 1.02, 1.03], [1.01], 1 / 3, 3 / 1),  # three onsets share a peak: the first release exceeds 1
        ([1.02], [1.0, 1.03], 1 / 2, 1 / 2),
        ([1.03, 1.05], [1.0, 1.04], 1.0, 1.0),
        ([], [1.0], 0.0, 0.0),
        ([], [], None, None),
    ],
)
def test_known_answers(onsets, peaks, one, many):
    assert one_to_one(onsets, peaks, FPS) == pytest.approx(one)
    assert many_to_one(onsets, peaks, FPS) == pytest.approx(many)


def test_a_peak_is_larger_than_both_beside_it_and_reaches_the_floor():
    flow = np.array([0.0, 0.05, 0.0, 0.3, 0.3, 0.0, 0.1, 0.05, 0.9])
    assert flow_peaks_s(flow, FPS) == pytest.approx([2 / FPS, 7 / FPS])  # flow k leads to frame k + 1
    assert flow_peaks_s(flow, FPS, least_px=0.1) == pytest.approx([7 / FPS])
    assert flow_peaks_s(flow[:1], FPS) == []


def clip(seed: int) -> Clip:
    """A texture that jumps and trembles, and bursts of noise; no larger than flow is taken from."""
    rng = np.random.default_rng(seed)
    texture = cv2.GaussianBlur(rng.uniform(0, 255, (90, 120)), (0, 0), 2)
    texture = (texture - texture.min()) / np.ptp(texture) * 255
    shifts = np.cumsum(rng.choice([0.0, 0.04, 0.3, 2.0], size=40, p=[0.3, 0.3, 0.2, 0.2]))
    moved = [
        cv2.warpAffine(texture, np.float64([[1, 0, by], [0, 1, 0]]), (120, 90), borderMode=cv2.BORDER_REFLECT)
        for by in shifts
    ]
    audio = rng.normal(0, 1e-4, round(40 / FPS * RATE_HZ))
    for start in rng.integers(0, audio.size - 1500, 6):
        audio[start : start + 1500] += rng.normal(0, 0.2, 1500) * np.linspace(1, 0, 1500)
    frames = np.stack(moved).round().astype(np.uint8)[..., None].repeat(3, axis=3)
    return Clip(frames, audio.astype(np.float32), FPS, RATE_HZ)


def references(clip: Clip) -> tuple[float, float]:
    """One to one and many to one as TempoTokens' av_align.py computes them, from whole frames; onsets are ours."""
    gray = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in clip.frames]
    settings = (0.5, 3, 15, 3, 5, 1.2, 0)
    flows = [cv2.calcOpticalFlowFarneback(a, b, None, *settings) for a, b in pairwise(gray)]
    lengths = [float(np.hypot(flow[..., 0], flow[..., 1]).mean()) for flow in flows]
    curve = [lengths[0], *lengths]
    maxima = [at for at in range(1, len(curve) - 1) if curve[at - 1] < curve[at] > curve[at + 1]]
    onsets = onsets_s(clip.audio, clip.rate_hz)
    free = [at / FPS for at in maxima if curve[at] >= FLOW_FLOOR_PX]
    one, found = 0, len(free)
    for onset in onsets:
        near = [peak for peak in free if peak - 1 / FPS < onset < peak + 1 / FPS]
        if near:
            free.remove(near[0])
            one += 1
    many = sum(any(at / FPS - 1 / FPS < onset < at / FPS + 1 / FPS for at in maxima) for onset in onsets)
    return one / (len(onsets) + found - one), many / (len(onsets) + len(maxima) - many)


@pytest.mark.parametrize("seed", range(6))
def test_a_clip_has_the_values_of_the_references(seed):
    made = clip(seed)
    assert (av_align(made, made), av_align_many_to_one(made, made)) == pytest.approx(references(made))


def test_the_references_differ_where_movement_is_faint_or_onsets_are_many():
    values = np.array([references(clip(seed)) for seed in range(6)])
    assert (values[:, 0] != values[:, 1]).any() and values.max() > 0
