"""Letterbox drawn with a ruler are found to the pixel; what is merely dark is left alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mova_core.curation.segment.letterbox import Letterbox, LetterboxDetector

LIMIT = 30
HEIGHT, WIDTH = 120, 160


def found(*images: np.ndarray) -> Letterbox:
    finder = LetterboxDetector(LIMIT)
    for second, image in enumerate(images):
        finder.add(float(second), np.clip(image, 0, 255).astype(np.uint8))
    return finder.letterbox()


def texture(seed: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    return np.random.default_rng(seed).uniform(20, 230, (height, width))


@given(st.tuples(*[st.sampled_from([0, 2, 3, 8, 21, 40])] * 4), st.integers(0, 8), st.integers(0, 2**31))
@settings(max_examples=60, deadline=None)
def test_drawn_letterbox_bars_are_found_to_the_pixel(edges, black, seed):
    top, bottom, left, right = edges
    images = []
    for k in range(3):
        image = np.random.default_rng([seed, k]).normal(black, 2, (HEIGHT, WIDTH))
        image[top : HEIGHT - bottom, left : WIDTH - right] = texture(
            seed + k, HEIGHT - top - bottom, WIDTH - left - right
        )
        images.append(image)
    assert found(*images) == Letterbox(top, bottom, left, right)


def test_a_soft_edge_costs_at_most_two_pixels():
    image = np.zeros((HEIGHT, WIDTH))
    image[20:-20] = texture(0)[20:-20]
    image[20:22] *= [[0.15], [0.5]]
    assert abs(found(image).top_px - 20) <= 2


def test_a_letterbox_bar_needs_to_be_dark_throughout_the_file():
    bars = texture(1)
    bars[:20] = 0
    assert found(bars, bars).top_px == 20
    assert found(bars, texture(2)).top_px == 0


@pytest.mark.parametrize("level", [0, 12, 29])
def test_an_all_dark_frame_is_not_cropped(level):
    assert found(np.full((HEIGHT, WIDTH), level)) == Letterbox()


def test_no_frame_no_letterbox_bars():
    assert LetterboxDetector(LIMIT).letterbox() == Letterbox()


def test_a_dark_stage_is_not_a_letterbox():
    stage = np.linspace(2, 90, HEIGHT)[:, None] + np.random.default_rng(0).normal(0, 2, (HEIGHT, WIDTH))
    stage[35:60, 70:90] = 200  # a face in the light
    assert found(stage) == Letterbox()


def test_a_dark_wall_behind_a_lit_person_is_not_a_letterbox():
    wall = np.full((HEIGHT, WIDTH), 6.0)
    wall[40:, 50:100] = texture(3)[40:, 50:100]
    wall[90:] = texture(3)[90:]
    assert found(wall).top_px == 0


def test_a_vignette_is_not_a_pillarbox():
    x = np.abs(np.linspace(-1, 1, WIDTH))
    assert found(texture(4) * np.clip(1.3 - 1.3 * x**2, 0, 1)) == Letterbox()


def test_letters_on_black_are_not_cropped_to():
    title = np.zeros((HEIGHT, WIDTH))
    title[50:62, 30:130:7] = 240
    assert found(title) == Letterbox()


def test_one_dark_line_is_not_a_letterbox_bar():
    image = texture(5)
    image[:, 0] = 5
    assert found(image) == Letterbox()


def test_two_frames_a_second_are_looked_at():
    finder = LetterboxDetector(LIMIT)
    looks = 0
    for frame in range(240):
        if finder.wants(frame / 60):
            finder.add(frame / 60, np.zeros((4, 4), np.uint8))
            looks += 1
    assert looks == 8
