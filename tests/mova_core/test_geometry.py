"""Sizes follow from frames, rates and canvas alone; the released ones are known numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mova_core.errors import ShapeError, UsageError
from mova_core.geometry import GEOMETRIES, Canvas, ClipGeometry, geometry_named


def test_the_released_clip_has_the_reports_sizes():
    geometry = geometry_named("mova-720p")
    landscape = geometry.canvas_for(16, 9)
    assert (geometry.frames, geometry.fps, geometry.audio_samples, geometry.audio_latents) == (193, 24, 386_000, 403)
    assert (geometry.latent_frames, landscape.latent_height, landscape.latent_width) == (49, 90, 160)
    assert geometry.video_tokens(landscape) == 49 * 45 * 80
    assert geometry.duration_s == pytest.approx(8.0416667)
    assert geometry.audio_tokens_per_s == 50.0


def test_the_nano_clip_has_the_recipes_sizes():
    small, large = geometry_named("nano-32"), geometry_named("nano-48")
    assert small.audio_samples == large.audio_samples == 33_000
    assert (large.audio_latents, large.audio_tokens, large.audio_tokens_per_s) == (104, 26, 12.5)
    assert [g.canvas_for(1, 1).tokens_per_latent_frame for g in (small, large)] == [4, 9]
    assert large.video_tokens(large.canvas_for(1, 1)) == 81


@pytest.mark.parametrize(
    ("display", "orientation"), [((1920, 1080), "landscape"), ((1080, 1920), "portrait"), ((480, 360), "landscape")]
)
def test_a_frame_goes_to_the_canvas_that_fits_it(display, orientation):
    assert geometry_named("mova-720p").canvas_for(*display).orientation == orientation


@given(st.integers(1, 400).filter(lambda frames: frames % 4 != 1))
def test_frames_must_be_a_whole_number_of_latent_frames(frames):
    with pytest.raises(ShapeError, match=f"frames is {frames}, must be 4k"):
        ClipGeometry("odd", frames, 24, (Canvas(48, 48),), 48_000, 960, 1)


def test_a_canvas_must_divide_into_tokens():
    with pytest.raises(ShapeError, match="640x360"):
        Canvas(360, 640)


def test_two_canvases_of_one_orientation_are_refused():
    with pytest.raises(ShapeError, match="no orientation twice"):
        ClipGeometry("twice", 33, 16, (Canvas(48, 48), Canvas(32, 32)), 16_000, 320, 4)


def test_an_unknown_geometry_is_answered_with_the_known_ones():
    with pytest.raises(UsageError, match="nano-48"):
        geometry_named("imax")
    assert all(name == geometry.name for name, geometry in GEOMETRIES.items())
