"""The same intervals as Silero's own package makes of the same probabilities."""

import numpy as np
import pytest

from mova_core.speech.speech_intervals import CHUNK_SAMPLES, speech_intervals


def probabilities(seed, chunks):
    """Runs of speech and quiet of any length, with dips between threshold and floor."""
    rng = np.random.default_rng(seed)
    runs = [np.full(rng.integers(1, 20), level) for level in rng.choice([0.0, 0.1, 0.3, 0.4, 0.55, 0.95], chunks)]
    levels = np.concatenate(runs)[:chunks]
    return np.clip(levels + rng.normal(0, 0.08, len(levels)), 0, 1).tolist()


@pytest.mark.parametrize("threshold", [0.05, 0.5, 0.8])
def test_the_packages_own_intervals(threshold):
    from silero_vad import get_speech_timestamps_from_probs

    found = 0
    for seed in range(60):
        speech = probabilities(seed, chunks=200)
        samples = len(speech) * CHUNK_SAMPLES - seed * 7
        theirs = get_speech_timestamps_from_probs(speech, threshold=threshold, audio_length_samples=samples)
        assert speech_intervals(speech, threshold, samples) == [[one["start"], one["end"]] for one in theirs], seed
        found += len(theirs)
    assert found > 60


def test_nothing_selected_is_no_speech():
    assert speech_intervals([], 0.5, 0) == []
    assert speech_intervals([1.0] * 3, 0.5, 3 * CHUNK_SAMPLES) == []  # too short
