"""The same intervals as Silero's own package makes of the same probabilities."""

import numpy as np
import pytest

from mova_core.curation.segment.speech_intervals import CHUNK_SAMPLES, speech_intervals


def probabilities(seed, chunks):
    """Runs of speech and quiet of any length, with dips between threshold and floor."""
    draws = np.random.default_rng(seed)
    runs = [np.full(draws.integers(1, 20), level) for level in draws.choice([0.0, 0.1, 0.3, 0.4, 0.55, 0.95], chunks)]
    line = np.concatenate(runs)[:chunks]
    return np.clip(line + draws.normal(0, 0.08, len(line)), 0, 1).tolist()


@pytest.mark.parametrize("threshold", [0.05, 0.5, 0.8])
def test_the_packages_own_intervals(threshold):
    from silero_vad import get_speech_timestamps_from_probs

    found = 0
    for seed in range(60):
        line = probabilities(seed, chunks=200)
        samples = len(line) * CHUNK_SAMPLES - seed * 7
        theirs = get_speech_timestamps_from_probs(line, threshold=threshold, audio_length_samples=samples)
        assert speech_intervals(line, threshold, samples) == [[one["start"], one["end"]] for one in theirs], seed
        found += len(theirs)
    assert found > 60


def test_nothing_selected_is_no_speech():
    assert speech_intervals([], 0.5, 0) == []
    assert speech_intervals([1.0] * 3, 0.5, 3 * CHUNK_SAMPLES) == []  # too short
