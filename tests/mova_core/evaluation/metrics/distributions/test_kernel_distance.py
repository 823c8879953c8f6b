"""The kernel distance has known values, is unbiased, and is torchmetrics' where both define it."""

import numpy as np
import pytest
import torch
from torchmetrics.image.kid import KernelInceptionDistance

from mova_core.errors import ShapeError
from mova_core.evaluation.metrics.distributions.kernel_distance import kernel_distance


def normal(clips: int, dimensions: int, seed: int, mean: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, 1, (clips, dimensions))


def by_pairs(first: np.ndarray, second: np.ndarray) -> float:
    """The definition, pair by pair."""

    def kernel(one: np.ndarray, other: np.ndarray) -> float:
        return float((one @ other / len(one) + 1) ** 3)

    def within(side: np.ndarray) -> float:
        return float(np.mean([kernel(a, b) for i, a in enumerate(side) for j, b in enumerate(side) if i != j]))

    return within(first) + within(second) - 2 * float(np.mean([kernel(a, b) for a in first for b in second]))


def test_clips_that_are_all_alike_have_a_known_distance():
    first, second = np.tile([1.0, 0.0], (5, 1)), np.tile([0.0, 2.0], (7, 1))
    assert kernel_distance(first, second) == pytest.approx(1.5**3 + 3**3 - 2 * 1)
    assert kernel_distance(first, first) == pytest.approx(0, abs=1e-12)


def test_it_is_the_mean_over_pairs_of_different_clips():
    first, second = normal(9, 3, seed=0), normal(6, 3, seed=1)
    assert kernel_distance(first, second) == pytest.approx(by_pairs(first, second))


class _AsGiven(torch.nn.Module):
    """Stands in for a network: what comes in are the features."""

    num_features = 5

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return features


@pytest.mark.filterwarnings("ignore:.*will save all extracted features")
def test_torchmetrics_agrees():
    first, second = normal(50, 5, seed=0), normal(50, 5, seed=1, mean=0.3)
    metric = KernelInceptionDistance(feature=_AsGiven(), subsets=1, subset_size=50).set_dtype(torch.float64)
    metric.update(torch.from_numpy(first), real=True)
    metric.update(torch.from_numpy(second), real=False)
    assert kernel_distance(first, second) == pytest.approx(float(metric.compute()[0]), rel=1e-6)


def test_sets_of_one_distribution_have_none_on_average_however_few_the_clips():
    values = [kernel_distance(normal(5, 3, seed=2 * n), normal(8, 3, seed=2 * n + 1)) for n in range(600)]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(len(values))
    assert min(values) < 0 < max(values)


@pytest.mark.filterwarnings("ignore:.*will save all extracted features")
def test_subsets_as_published_estimate_it():
    first, second = normal(120, 5, seed=0), normal(120, 5, seed=1, mean=0.5)
    torch.manual_seed(0)
    metric = KernelInceptionDistance(feature=_AsGiven(), subsets=300, subset_size=40).set_dtype(torch.float64)
    metric.update(torch.from_numpy(first), real=True)
    metric.update(torch.from_numpy(second), real=False)
    mean, deviation = map(float, metric.compute())
    assert kernel_distance(first, second) == pytest.approx(mean, abs=4 * deviation / np.sqrt(300))


def test_embeddings_of_two_models_do_not_compare():
    with pytest.raises(ShapeError, match="3 and 4 dimensions"):
        kernel_distance(normal(9, 3, 0), normal(9, 4, 0))
