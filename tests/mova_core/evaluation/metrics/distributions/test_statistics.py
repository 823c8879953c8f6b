"""Distances of sets of clips as the catalogue has them: known values, intervals, and reasons."""

from types import SimpleNamespace

import numpy as np
import pytest

from mova_core.evaluation.measuring.aggregate import aggregate
from mova_core.evaluation.measuring.metric import ANY, Distribution, MetricSpec
from mova_core.evaluation.metrics.distributions.by_videomae import FRECHET_VIDEO_DISTANCE, KERNEL_VIDEO_DISTANCE
from mova_core.evaluation.metrics.distributions.frechet_distance import Gaussian, frechet_distance
from mova_core.evaluation.metrics.distributions.kernel_distance import kernel_distance
from mova_core.evaluation.metrics.distributions.statistics import (
    frechet_statistic,
    inception_statistic,
    kernel_statistic,
)
from mova_core.measures.clip import Clip, Unavailable
from mova_core.params.evaluation import EvaluateParams

SECTION = EvaluateParams(bootstrap_samples=60)


def rows(clips: int, seed: int, mean: float = 0.3) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, 1, (clips, 4)).astype(np.float32)


def of_sets(statistic, judged: np.ndarray, against: np.ndarray):
    spec = MetricSpec("set", "set", "of a set", "lower", ANY, distribution=Distribution(lambda *_: judged, statistic))
    return aggregate(spec, list(judged), [None] * len(judged), SECTION, list(against))


@pytest.mark.parametrize("statistic", [frechet_statistic, kernel_statistic])
def test_the_interval_holds_the_mean_over_sets_of_as_many_clips(statistic):
    against = rows(400, seed=1000, mean=0)
    found = [of_sets(statistic, rows(40, seed), against) for seed in range(40)]
    mean = np.mean([each.value for each in found])
    assert np.mean([each.ends[0] <= mean <= each.ends[1] for each in found]) >= 0.85
    assert all(each.ends[0] <= each.value <= each.ends[1] for each in found)
    spread = np.mean([each.ends[1] - each.ends[0] for each in found]) / 3.92
    assert 0.7 < spread / np.std([each.value for each in found]) < 1.6


@pytest.mark.parametrize("statistic", [frechet_statistic, kernel_statistic])
def test_so_few_clips_that_no_half_has_a_distance_have_a_value_alone(statistic):
    found = of_sets(statistic, rows(2, 0), rows(9, 1))
    assert found.value is not None and found.ends == (None, None)


@pytest.mark.parametrize("statistic", [frechet_statistic, kernel_statistic])
def test_one_clip_has_no_distance(statistic):
    assert statistic(rows(1, 0), rows(5, 1)) == Unavailable("it needs at least 2 clips")
    assert statistic(rows(5, 0), rows(1, 1)) == Unavailable("it needs at least 2 reference clips")


def test_an_inception_score_compares_with_nothing():
    assert inception_statistic(np.eye(3, dtype=np.float32), None) == pytest.approx(3)
    spec = MetricSpec(
        *("is", "IS", "a score", "higher", ANY),
        distribution=Distribution(lambda *_: rows(1, 0), inception_statistic, compares=False),
    )
    one = aggregate(spec, [np.float32([0.5, 0.5])], [None], SECTION)
    assert (one.value, one.ends) == (pytest.approx(1), (None, None))


class FirstPixels:
    """In place of VideoMAE: the first pixels of a video."""

    def of_clip(self, clip: Clip) -> np.ndarray:
        return clip.frames[0, 0, :, 0].astype(np.float32)


def test_video_distances_are_of_the_networks_embeddings():
    context = SimpleNamespace(adapter={"videomae": FirstPixels()}.__getitem__)
    drawn = np.random.default_rng(0).integers(0, 9, (20, 1, 1, 3, 1)).astype(np.uint8)
    clips = [Clip(frames, np.zeros(0, np.float32), 8.0, 16_000) for frames in drawn]
    judged, against = drawn[:12, 0, 0, :, 0].astype(np.float32), drawn[12:, 0, 0, :, 0].astype(np.float32)
    embedded = np.stack([FRECHET_VIDEO_DISTANCE.embedding(each, context) for each in clips])
    first, second = Gaussian.of_embeddings(judged), Gaussian.of_embeddings(against)
    assert FRECHET_VIDEO_DISTANCE.statistic(embedded[:12], embedded[12:]) == frechet_distance(first, second)
    assert KERNEL_VIDEO_DISTANCE.statistic(embedded[:12], embedded[12:]) == kernel_distance(judged, against)
