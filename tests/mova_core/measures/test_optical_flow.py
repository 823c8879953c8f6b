"""Optical flow of images that move by a known amount."""

import cv2
import numpy as np
import pytest

from mova_core.measures.optical_flow import flow_speed, optical_flow

FPS = 24.0


def moving(shifts_px: list[int], height: int = 90, width: int = 160) -> np.ndarray:
    """A texture that wraps around, moved to the right by so much from frame to frame."""
    noise = np.random.default_rng(0).normal(0, 1, (height, width))
    smooth = cv2.GaussianBlur(noise, (0, 0), 2.5, borderType=cv2.BORDER_REFLECT)
    texture = np.clip(128 + 50 * smooth / smooth.std(), 0, 255).astype(np.uint8)
    return np.stack([np.roll(texture, shift, axis=1) for shift in np.cumsum([0, *shifts_px])])


@pytest.mark.parametrize("shift_px", [1, 2])
def test_speed_is_in_shorter_sides_per_second(shift_px):
    flow = optical_flow(moving([shift_px] * 6), FPS)
    assert flow_speed(flow) == pytest.approx(shift_px / 90 * FPS, rel=0.1)
    assert flow.speed.shape == (6,) and flow.change.shape == (5,)


def test_a_larger_canvas_tells_the_same():
    small = moving([1] * 5)
    large = np.stack([cv2.resize(frame, (640, 360), interpolation=cv2.INTER_CUBIC) for frame in small])
    assert flow_speed(optical_flow(large, FPS)) == pytest.approx(flow_speed(optical_flow(small, FPS)), rel=0.05)


def test_a_still_image_has_no_speed_and_a_single_frame_none_to_measure():
    assert flow_speed(optical_flow(moving([0] * 4), FPS)) < 0.001  # what is left of rounding
    assert flow_speed(optical_flow(moving([]), FPS)) == 0


def test_change_is_where_the_movement_turns():
    flow = optical_flow(moving([2, 2, 2, -2, -2, -2]), FPS)
    assert int(np.argmax(flow.change)) == 2  # at frame 3
    assert flow.change[2] > 5 * np.delete(flow.change, 2).max()
