"""A signature says what is seen and heard, not how it is stored."""

import cv2
import numpy as np
import pytest

from mova_core.curation.dedup.fingerprints import (
    HASH_BITS,
    NO_HASH,
    STEPS_PER_S,
    Signature,
    SignatureMaker,
    mean_colour,
    picture_hash,
    without_borders,
)

BORDER_LUMA = 30
RATE_HZ = 16_000
NEAR, FAR = 8, 20


def picture(seed, height=36, width=64):
    """A smooth random picture, uint8 [H, W, 3], with no dark line at its edges."""
    coarse = np.random.default_rng(seed).uniform(50, 220, (5, 7)).astype(np.float32)
    grey = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC).clip(40, 230)
    return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)


def sound(seed, seconds):
    """Noise in short bursts, float32 [S]."""
    rng = np.random.default_rng(seed)
    loudness = np.repeat(rng.uniform(0.005, 0.1, round(seconds * 4)), RATE_HZ // 4)
    return (rng.normal(size=len(loudness)) * loudness).astype(np.float32)


def hash_of(shown):
    return picture_hash(without_borders(shown, BORDER_LUMA))


def distance(first, second):
    return (hash_of(first) ^ hash_of(second)).bit_count()


CHANGES = {
    "half the size": lambda p: cv2.resize(p, (32, 18), interpolation=cv2.INTER_AREA),
    "another shape": lambda p: cv2.resize(p, (48, 48), interpolation=cv2.INTER_AREA),
    "brighter": lambda p: np.clip(p.astype(int) + 25, 0, 255).astype(np.uint8),
    "less contrast": lambda p: (p * 0.6 + 50).astype(np.uint8),
    "noise": lambda p: np.clip(p + np.random.default_rng(1).normal(0, 6, p.shape), 0, 255).astype(np.uint8),
    "letterbox": lambda p: np.pad(p, ((7, 7), (0, 0), (0, 0)), constant_values=16),
    "pillarbox": lambda p: np.pad(p, ((0, 0), (20, 21), (0, 0)), constant_values=5),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("seed", range(5))
def test_a_picture_stored_otherwise_keeps_its_hash(seed, change):
    assert distance(picture(seed), CHANGES[change](picture(seed))) <= NEAR


def test_other_pictures_have_other_hashes():
    hashes = [hash_of(picture(seed)) for seed in range(30)]
    distances = [(a ^ b).bit_count() for i, a in enumerate(hashes) for b in hashes[:i]]
    assert min(distances) >= FAR - 8 and np.mean(distances) == pytest.approx(HASH_BITS / 2, abs=2)


@pytest.mark.parametrize("grey", [0, 20, 128, 255])
def test_a_picture_without_contrast_has_no_hash(grey):
    flat = np.full((36, 64, 3), grey, np.uint8)
    flat[::2] += np.uint8(grey < 255)  # the codec's flicker
    assert hash_of(flat) == NO_HASH


def test_colour_is_seen_inside_borders_and_brightness_does_not_move_it():
    red = picture(0) * np.array([1.0, 0.6, 0.6])
    shown = np.pad(red.astype(np.uint8), ((7, 7), (0, 0), (0, 0)))
    inside, brighter = (
        mean_colour(without_borders(one, BORDER_LUMA)).astype(int) for one in (shown, shown + np.uint8(9))
    )
    assert inside[0] > 145 and np.abs(inside - brighter).max() <= 2
    assert mean_colour(without_borders(np.zeros((36, 64, 3), np.uint8), BORDER_LUMA)).tolist() == [128, 128]


def test_a_line_between_borders_has_no_hash():
    line = np.zeros((36, 64, 3), np.uint8)
    line[20:22] = picture(0)[20:22]
    assert hash_of(line) == NO_HASH


def test_a_step_has_the_picture_shown_at_its_moment():
    maker = SignatureMaker(BORDER_LUMA)
    first, second, third = (picture(seed) for seed in range(3))
    for time_s, shown in ((0.3, first), (0.5, second), (1.1, third), (1.2, third)):
        maker.add_picture(time_s, shown)
    signature = maker.signature()
    assert signature.picture_first == 3  # 0.375 s, the first moment with a picture
    expected = [first] + [second] * 5 + [third]  # 0.375; 0.5 to 1.0; 1.125
    assert signature.hashes.tolist() == [hash_of(shown) for shown in expected]


def heard(samples, start_s, pieces=1024):
    maker = SignatureMaker(BORDER_LUMA)
    for begin in range(0, len(samples), pieces):
        maker.add_sound(start_s + begin / RATE_HZ, samples[begin : begin + pieces])
    return maker.signature()


@pytest.mark.parametrize("pieces", [160, 1024, 100_000, 10**9])
def test_how_sound_comes_in_pieces_changes_nothing(pieces):
    samples = sound(0, 21)
    whole = heard(samples, 0.021)
    assert whole.levels.shape[0] == pytest.approx((21 - 0.512) * STEPS_PER_S, abs=1)
    told = heard(samples, 0.021, pieces)
    assert told.sound_first == whole.sound_first and np.array_equal(told.levels, whole.levels)


def test_levels_lie_on_the_clock_of_the_file():
    samples = sound(0, 10)
    whole, late = heard(samples, 0.0), heard(samples[round(1.3 * RATE_HZ) :], 1.3)
    ahead = late.sound_first - whole.sound_first
    assert ahead > 0 and np.array_equal(whole.levels[ahead:], late.levels)


def test_volume_moves_all_levels_alike():
    samples = sound(0, 10)
    loud, quiet = heard(samples, 0.0), heard(samples / 4, 0.0)
    difference_db = (loud.levels.astype(int) - quiet.levels) / 2
    assert np.abs(difference_db - 20 * np.log10(4)).max() <= 0.5


def test_a_signature_survives_json():
    maker = SignatureMaker(BORDER_LUMA)
    for step in range(9):
        maker.add_picture(step / 8, picture(step))
    maker.add_sound(0.0, sound(0, 3))
    signature = maker.signature()
    again = Signature.from_json(signature.to_json())
    assert again.to_json() == signature.to_json()
    assert np.array_equal(again.colours, signature.colours) and signature.colours.shape == (8, 2)
    assert np.array_equal(again.hashes, signature.hashes) and np.array_equal(again.levels, signature.levels)


def test_nothing_added_is_an_empty_signature():
    signature = Signature.from_json(SignatureMaker(BORDER_LUMA).signature().to_json())
    assert len(signature.hashes) == 0 and signature.levels.shape == (0, 16)
