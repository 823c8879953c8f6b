"""How channels become one: the standard's weights, silent channels left out, and no energy lost to opposite phase."""

import av
import numpy as np
import pytest

from mova_core.media.audio.downmix import MixChooser, mixed, standard_weights

RATE_HZ = 8000
RNG = np.random.default_rng(3)
VOICE, MUSIC, THIRD = RNG.normal(0, 0.1, (3, 20 * RATE_HZ)).astype(np.float32)
SILENCE = np.zeros_like(VOICE)


def names_of(layout):
    return [channel.name for channel in av.AudioLayout(layout).channels]


def chosen(layout, *channels):
    chooser, samples = MixChooser(names_of(layout)), np.stack(channels)
    for start in range(0, samples.shape[1], 1000):
        chooser.add(samples[:, start : start + 1000], RATE_HZ)
    return chooser.weights(), mixed(samples, chooser.weights())


def level(samples):
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


@pytest.mark.parametrize(
    ("layout", "relative"),
    [
        ("mono", (1,)),
        ("stereo", (1, 1)),
        ("5.1", (2**0.5, 2**0.5, 2, 0, 1, 1)),
        ("5.1(side)", (2**0.5, 2**0.5, 2, 0, 1, 1)),
        ("4.0", (1, 1, 2**0.5, 1)),
        ("quad", (2**0.5, 2**0.5, 1, 1)),
        ("7.1", (2**0.5, 2**0.5, 2, 0, 1, 1, 1, 1)),
    ],
)
def test_weights_are_those_of_the_standard_and_never_clip(layout, relative):
    weights = np.array(standard_weights(names_of(layout)))
    np.testing.assert_allclose(weights, np.array(relative) / sum(relative), atol=1e-12)


def test_every_layout_that_ffmpeg_names_has_weights():
    for layout in ("6.1", "7.1(wide)", "5.1.2", "hexadecagonal", "22.2", "downmix"):
        assert sum(standard_weights(names_of(layout))) == pytest.approx(1)


def test_stereo_is_the_mean_whatever_its_two_sides_have_in_common():
    for right in (VOICE, MUSIC, 0.5 * VOICE + MUSIC, MUSIC - 0.5 * VOICE):
        assert chosen("stereo", VOICE, right)[0] == (0.5, 0.5)


def test_an_inverted_channel_is_turned_over():
    weights, mix = chosen("stereo", VOICE, -VOICE)
    assert weights == (0.5, -0.5)
    np.testing.assert_array_equal(mix, VOICE)
    weights, mix = chosen("stereo", VOICE, -0.6 * VOICE + 0.1 * MUSIC)
    assert weights == (0.5, -0.5) and level(mix) > 0.75 * level(VOICE)


def test_what_is_inverted_for_a_part_of_the_file_only_is_mixed_without_one_channel():
    for turned in (0.1, 0.5, 0.9):
        right = np.where(np.arange(len(VOICE)) < turned * len(VOICE), -VOICE, VOICE)
        weights, mix = chosen("stereo", VOICE, right)
        if turned < 0.9:
            assert sorted(weights) == [0, 1]
        for part in np.split(mix, 40):  # at no time is the voice lost
            assert level(part) > 0.7 * level(VOICE)


def test_a_moment_of_opposite_phase_in_two_hundred_leaves_the_mean():
    right = VOICE.copy()
    right[: RATE_HZ // 2] *= -1
    assert chosen("stereo", VOICE, right)[0] == (0.5, 0.5)


def test_a_silent_channel_stays_out_and_leaves_the_level():
    assert chosen("stereo", VOICE, SILENCE)[0] == (1, 0)
    assert chosen("stereo", SILENCE, VOICE)[0] == (0, 1)
    weights, mix = chosen("quad", VOICE, -VOICE, SILENCE, SILENCE)
    assert weights == (0.5, -0.5, 0, 0)
    np.testing.assert_array_equal(mix, VOICE)
    weights, _ = chosen("5.1", SILENCE, SILENCE, VOICE, MUSIC, SILENCE, SILENCE)
    assert weights == (0, 0, 1, 0, 0, 0)
    assert chosen("5.1", SILENCE, SILENCE, SILENCE, MUSIC, SILENCE, SILENCE)[0] == (0, 0, 0, 1, 0, 0)
    assert chosen("stereo", SILENCE, SILENCE)[0] == (0.5, 0.5)


@pytest.mark.parametrize("layout", ["quad", "5.1(side)", "7.1"])
def test_an_inverted_pair_keeps_its_energy_in_every_layout(layout):
    count = len(names_of(layout))
    channels = [SILENCE] * count
    channels[0], channels[1], channels[-2], channels[-1] = VOICE, -VOICE, MUSIC, -MUSIC
    weights, mix = chosen(layout, *channels)
    assert abs(sum(map(abs, weights)) - 1) < 1e-12
    kept = sum(abs(weights[k]) for k in (0, 1)), sum(abs(weights[k]) for k in (count - 2, count - 1))
    np.testing.assert_allclose(level(mix), np.hypot(kept[0] * level(VOICE), kept[1] * level(MUSIC)), rtol=0.02)


def test_all_channels_of_a_large_layout_are_mixed():
    samples = RNG.normal(0, 0.1, (16, 4 * RATE_HZ)).astype(np.float32)
    weights, _ = chosen("hexadecagonal", *samples)
    assert weights == standard_weights(names_of("hexadecagonal"))
