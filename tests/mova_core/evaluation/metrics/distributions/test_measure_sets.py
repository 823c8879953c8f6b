"""Intervals of set measures hold what they should, and what cannot be measured says why."""

import numpy as np
import pytest

from mova_core.evaluation.metrics.distributions.measure_sets import (
    Bootstrap,
    SetMeasure,
    frechet_measure,
    inception_measure,
    kernel_measure,
)
from mova_core.measures.clip import Unavailable

BOOTSTRAP = Bootstrap(samples=200, seed=5)


def embeddings(clips: int, seed: int, mean: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, 1, (clips, 4))


def probabilities(clips: int, seed: int) -> np.ndarray:
    powers = np.exp(2 * np.random.default_rng(seed).standard_normal((clips, 6)))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("measure", [frechet_measure, kernel_measure])
def test_the_interval_holds_the_mean_over_sets_of_as_many_clips(measure):
    against = embeddings(400, seed=1000)
    measured = [measure(embeddings(40, seed, mean=0.7), against, BOOTSTRAP) for seed in range(60)]
    mean = np.mean([each.value for each in measured])
    assert np.mean([each.low <= mean <= each.high for each in measured]) >= 0.85
    assert all(each.low <= each.value <= each.high for each in measured)


def test_the_interval_of_an_inception_score_holds_it():
    measured = [inception_measure(probabilities(40, seed), BOOTSTRAP) for seed in range(60)]
    mean = np.mean([each.value for each in measured])
    assert np.mean([each.low <= mean <= each.high for each in measured]) >= 0.85


def test_the_same_seed_gives_the_same_interval_and_more_clips_a_narrower_one():
    against = embeddings(400, seed=1000)
    few, many = (frechet_measure(embeddings(clips, 0, mean=0.7), against, BOOTSTRAP) for clips in (30, 300))
    assert few == frechet_measure(embeddings(30, 0, mean=0.7), against, BOOTSTRAP)
    assert isinstance(few, SetMeasure) and isinstance(many, SetMeasure)
    assert many.high - many.low < 0.6 * (few.high - few.low)


@pytest.mark.parametrize("measure", [frechet_measure, kernel_measure])
def test_one_clip_and_numbers_that_are_none_make_no_distance(measure):
    there, broken = embeddings(9, 0), embeddings(9, 0)
    broken[3, 1] = np.nan
    for judged, against, why in ((there[:1], there, "judged are 1"), (there, there[:0], "against are 0")):
        missing = measure(judged, against, BOOTSTRAP)
        assert isinstance(missing, Unavailable) and why in missing.reason
    assert measure(broken, there, BOOTSTRAP) == Unavailable(
        "the clips judged have values that are no numbers, first clip 3"
    )


def test_no_clip_has_no_inception_score():
    assert isinstance(inception_measure(np.zeros((0, 6)), BOOTSTRAP), Unavailable)
