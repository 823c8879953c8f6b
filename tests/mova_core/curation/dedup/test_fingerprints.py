"""A fingerprint says what a file shows and plays, not how it is stored."""

import cv2
import numpy as np
import pytest

from mova_core.curation.dedup.fingerprints import (
    HASH_BITS,
    NO_HASH,
    STEPS_PER_S,
    Fingerprint,
    FingerprintBuilder,
    frame_hash,
    mean_chroma,
    without_letterbox,
)

LETTERBOX_LUMA = 30
RATE_HZ = 16_000
NEAR, FAR = 8, 20


def image(seed, height=36, width=64):
    """A smooth random frame, uint8 [H, W, 3], with no dark line at its edges."""
    coarse = np.random.default_rng(seed).uniform(50, 220, (5, 7)).astype(np.float32)
    grey = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC).clip(40, 230)
    return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)


def audio(seed, seconds):
    """Noise in short bursts, float32 [S]."""
    rng = np.random.default_rng(seed)
    loudness = np.repeat(rng.uniform(0.005, 0.1, round(seconds * 4)), RATE_HZ // 4)
    return (rng.normal(size=len(loudness)) * loudness).astype(np.float32)


def hash_of(shown):
    return frame_hash(without_letterbox(shown, LETTERBOX_LUMA))


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
def test_a_frame_stored_otherwise_keeps_its_hash(seed, change):
    assert distance(image(seed), CHANGES[change](image(seed))) <= NEAR


def test_other_frames_have_other_hashes():
    hashes = [hash_of(image(seed)) for seed in range(30)]
    distances = [(a ^ b).bit_count() for i, a in enumerate(hashes) for b in hashes[:i]]
    assert min(distances) >= FAR - 8 and np.mean(distances) == pytest.approx(HASH_BITS / 2, abs=2)


@pytest.mark.parametrize("grey", [0, 20, 128, 255])
def test_a_frame_without_contrast_has_no_hash(grey):
    flat = np.full((36, 64, 3), grey, np.uint8)
    flat[::2] += np.uint8(grey < 255)  # the codec's flicker
    assert hash_of(flat) == NO_HASH


def test_colour_is_seen_inside_letterbox_bars_and_brightness_does_not_move_it():
    red = image(0) * np.array([1.0, 0.6, 0.6])
    shown = np.pad(red.astype(np.uint8), ((7, 7), (0, 0), (0, 0)))
    inside, brighter = (
        mean_chroma(without_letterbox(one, LETTERBOX_LUMA)).astype(int) for one in (shown, shown + np.uint8(9))
    )
    assert inside[0] > 145 and np.abs(inside - brighter).max() <= 2
    assert mean_chroma(without_letterbox(np.zeros((36, 64, 3), np.uint8), LETTERBOX_LUMA)).tolist() == [128, 128]


def test_a_line_between_letterbox_bars_has_no_hash():
    line = np.zeros((36, 64, 3), np.uint8)
    line[20:22] = image(0)[20:22]
    assert hash_of(line) == NO_HASH


def test_a_step_has_the_frame_shown_at_its_moment():
    maker = FingerprintBuilder(LETTERBOX_LUMA)
    first, second, third = (image(seed) for seed in range(3))
    for time_s, shown in ((0.3, first), (0.5, second), (1.1, third), (1.2, third)):
        maker.add_frame(time_s, shown)
    fingerprint = maker.fingerprint()
    assert fingerprint.video_first == 3  # 0.375 s, the first moment with a frame
    expected = [first] + [second] * 5 + [third]  # 0.375; 0.5 to 1.0; 1.125
    assert fingerprint.hashes.tolist() == [hash_of(shown) for shown in expected]


def audio_fingerprint(samples, start_s, pieces=1024):
    maker = FingerprintBuilder(LETTERBOX_LUMA)
    for begin in range(0, len(samples), pieces):
        maker.add_audio(start_s + begin / RATE_HZ, samples[begin : begin + pieces])
    return maker.fingerprint()


@pytest.mark.parametrize("pieces", [160, 1024, 100_000, 10**9])
def test_how_audio_comes_in_pieces_changes_nothing(pieces):
    samples = audio(0, 21)
    whole = audio_fingerprint(samples, 0.021)
    assert whole.levels.shape[0] == pytest.approx((21 - 0.512) * STEPS_PER_S, abs=1)
    told = audio_fingerprint(samples, 0.021, pieces)
    assert told.audio_first == whole.audio_first and np.array_equal(told.levels, whole.levels)


def test_levels_lie_on_the_timeline_of_the_file():
    samples = audio(0, 10)
    whole, late = audio_fingerprint(samples, 0.0), audio_fingerprint(samples[round(1.3 * RATE_HZ) :], 1.3)
    ahead = late.audio_first - whole.audio_first
    assert ahead > 0 and np.array_equal(whole.levels[ahead:], late.levels)


def test_volume_moves_all_levels_alike():
    samples = audio(0, 10)
    loud, quiet = audio_fingerprint(samples, 0.0), audio_fingerprint(samples / 4, 0.0)
    difference_db = (loud.levels.astype(int) - quiet.levels) / 2
    assert np.abs(difference_db - 20 * np.log10(4)).max() <= 0.5


def test_a_fingerprint_survives_json():
    maker = FingerprintBuilder(LETTERBOX_LUMA)
    for step in range(9):
        maker.add_frame(step / 8, image(step))
    maker.add_audio(0.0, audio(0, 3))
    fingerprint = maker.fingerprint()
    again = Fingerprint.from_json(fingerprint.to_json())
    assert again.to_json() == fingerprint.to_json()
    assert np.array_equal(again.colours, fingerprint.colours) and fingerprint.colours.shape == (8, 2)
    assert np.array_equal(again.hashes, fingerprint.hashes) and np.array_equal(again.levels, fingerprint.levels)


def test_nothing_added_is_an_empty_fingerprint():
    fingerprint = Fingerprint.from_json(FingerprintBuilder(LETTERBOX_LUMA).fingerprint().to_json())
    assert len(fingerprint.hashes) == 0 and fingerprint.levels.shape == (0, 16)
