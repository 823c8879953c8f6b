"""What counts as a collapsed clip: known answers on made frames and audio, at every level, size and colour."""

import numpy as np
import pytest

from mova_core.sampling.collapse.collapse import CLIPPED, collapse, flat_share, peak_share
from mova_core.synthetic.world import KINDS, draw_take, render_audio, render_frames

RATE_HZ = 16_000
SHAPES = [(9, 48, 48), (9, 90, 160), (9, 160, 90), (5, 352, 640), (1, 48, 48)]


def flat(shape=SHAPES[0], colour=(255, 255, 255), noise=0):
    rng = np.random.default_rng(1)
    frames = np.full((*shape, 3), colour, np.int16) + rng.integers(-noise, noise + 1, (*shape, 3))
    return frames.clip(0, 255).astype(np.uint8)


def with_square(frames, colour):
    """A square of a sixth of the height, which moves to the right."""
    count, height, width, _ = frames.shape
    side = height // 6
    for number, frame in enumerate(frames):
        left = number * (width - side) // max(1, count - 1)
        frame[height // 2 : height // 2 + side, left : left + side] = colour
    return frames


def tone(level=0.5, seconds=1.0, hz=440.0):
    return (level * np.sin(np.arange(round(seconds * RATE_HZ)) * 2 * np.pi * hz / RATE_HZ)).astype(np.float32)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("colour", [(255, 255, 255), (0, 0, 0), (128, 128, 128), (200, 30, 60)], ids=str)
@pytest.mark.parametrize("is_noisy", [False, True])
def test_one_colour_is_flat_with_noise_too(shape, colour, is_noisy):
    noise = 0 if not is_noisy else 20 if min(shape[1:]) > 300 else 3  # parts of small frames are a few pixels wide
    assert flat_share(flat(shape, colour, noise)) == 1


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(
    ("ground", "colour"),
    [((0, 0, 0), (40, 40, 40)), ((255, 255, 255), (240, 240, 240)), ((128, 128, 128), (128, 128, 160))],
    ids=str,
)
def test_a_small_thing_that_hardly_stands_out_is_a_picture(shape, ground, colour):
    assert flat_share(with_square(flat(shape, ground), colour)) == 0


def test_a_thing_as_bright_as_its_ground_is_a_picture():
    red, green = (183, 0, 0), (0, 54, 0)  # of one luminance
    assert flat_share(with_square(flat(colour=red), green)) == 0


@pytest.mark.parametrize("rows", [True, False])
def test_black_bars_are_looked_past(rows):
    frames = flat((9, 90, 160), (200, 30, 60))
    (frames if rows else frames.transpose(0, 2, 1, 3))[:, :15] = 0
    (frames if rows else frames.transpose(0, 2, 1, 3))[:, -15:] = 0
    assert flat_share(frames) == 1


def test_a_thing_on_a_black_ground_is_a_picture_also_where_it_stands_still():
    frames = flat(colour=(0, 0, 0))
    frames[:, 20:28, 20:28] = (250, 0, 0)
    assert flat_share(frames) == 0


@pytest.mark.parametrize(("pictures", "is_flat"), [(0, True), (4, True), (5, False), (9, False)])
def test_a_clip_is_flat_when_most_of_its_frames_are(pictures, is_flat):
    frames = flat()
    with_square(frames[:pictures], (0, 0, 0))
    faults = collapse(frames, tone(), RATE_HZ)
    assert bool(faults) == is_flat and all("flat" in fault for fault in faults)


@pytest.mark.parametrize("level", [0.0, 1e-4, 0.002])
def test_silence_is_told_whatever_is_left_of_it(level):
    (fault,) = collapse(None, tone(level), RATE_HZ)
    assert "silent for 100%" in fault


@pytest.mark.parametrize("at_s", [0.0, 3.0, 7.8])
def test_a_single_sound_is_no_silence(at_s):
    audio = np.zeros(8 * RATE_HZ, np.float32)
    audio[round(at_s * RATE_HZ) :][: RATE_HZ // 5] = tone(0.1, 0.2)[: len(audio) - round(at_s * RATE_HZ)]
    assert collapse(None, audio, RATE_HZ) == ()


@pytest.mark.parametrize("turned_down", [1.0, 0.3, 0.05])
def test_clipping_is_told_also_where_the_loudness_was_set_afterwards(turned_down):
    audio = np.random.default_rng(2).normal(0, 1, RATE_HZ).clip(-1, 1).astype(np.float32)
    (fault,) = collapse(None, audio * np.float32(turned_down), RATE_HZ)
    assert "clipped in 32%" in fault


@pytest.mark.parametrize("level", [1.0, 0.5, 0.05])
def test_a_loud_tone_is_not_clipped(level):
    assert peak_share(tone(level)) < CLIPPED
    assert collapse(None, tone(level), RATE_HZ) == ()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers_are_told(value):
    audio = tone()
    audio[5] = value
    (fault,) = collapse(None, audio, RATE_HZ)
    assert "no numbers" in fault


def test_what_was_given_is_not_judged():
    assert collapse(None, tone(), RATE_HZ) == () == collapse(with_square(flat(), (0, 0, 0)), None, RATE_HZ)
    assert len(collapse(flat(), np.zeros(RATE_HZ, np.float32), RATE_HZ)) == 2


def test_nothing_to_hear_is_silent():
    assert collapse(None, np.zeros(0, np.float32), RATE_HZ)


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("side_px", [48, 96])
def test_the_synthetic_world_is_no_collapse(kind, side_px):
    take = draw_take(np.random.default_rng(3), kind, 2.0)
    frames = np.stack(list(render_frames(take, 16, 32, side_px)))
    assert collapse(frames, render_audio(take, RATE_HZ, 2 * RATE_HZ), RATE_HZ) == ()
