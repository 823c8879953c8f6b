"""Gaussians have a Fréchet distance in closed form; embeddings have that of their moments."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torchmetrics.image.fid import FrechetInceptionDistance

from mova_core.errors import ShapeError
from mova_core.evaluation.metrics.distributions.frechet_distance import Gaussian, frechet_distance


def embeddings(clips: int, dimensions: int, seed: int = 0) -> np.ndarray:
    """Correlated normal numbers."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((clips, dimensions)) @ rng.standard_normal((dimensions, dimensions)) + rng.normal(0, 1)


def between(first: np.ndarray, second: np.ndarray) -> float:
    return frechet_distance(Gaussian.of_embeddings(first), Gaussian.of_embeddings(second))


def by_definition(first: np.ndarray, second: np.ndarray) -> float:
    """From means and covariances, by SciPy's root of their product."""
    apart = first.mean(axis=0) - second.mean(axis=0)
    one, other = np.cov(first.T), np.cov(second.T)
    return float(apart @ apart + np.trace(one + other - 2 * sqrtm(one @ other).real))


def test_gaussians_with_covariances_along_the_axes():
    first = Gaussian.of_moments(np.array([1.0, 2.0, 0.0]), np.diag([4.0, 9.0, 0.0]))
    second = Gaussian.of_moments(np.array([1.0, -1.0, 0.5]), np.diag([1.0, 9.0, 16.0]))
    assert frechet_distance(first, second) == pytest.approx(9 + 0.25 + (2 - 1) ** 2 + 0 + (0 - 4) ** 2)
    assert frechet_distance(first, first) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("clips", "dimensions"), [(200, 8), (40, 39), (2000, 2)])
def test_embeddings_have_the_distance_of_their_moments(clips, dimensions):
    first, second = embeddings(clips, dimensions), embeddings(clips + 7, dimensions, seed=1)
    assert between(first, second) == pytest.approx(by_definition(first, second), rel=1e-6)
    assert between(first, second) == pytest.approx(between(second, first), rel=1e-12)


def test_fewer_clips_than_dimensions_and_dimensions_that_never_vary_are_no_special_case():
    first, second = embeddings(10, 64), embeddings(12, 64, seed=1)
    padded = [np.hstack([side, np.full((len(side), 5), 3.0)]) for side in (first, second)]
    assert between(first, second) == pytest.approx(by_definition(first, second), rel=1e-3)  # SciPy's root is rough here
    assert between(*padded) == pytest.approx(between(first, second), rel=1e-9)
    assert between(first, first) == pytest.approx(0, abs=1e-9)


def test_a_shift_costs_its_square_and_a_scale_the_square_of_its_change():
    around = embeddings(300, 6)
    around -= around.mean(axis=0)
    shift = np.arange(6.0)
    assert between(around, around + shift) == pytest.approx(shift @ shift)
    assert between(around, 3 * around) == pytest.approx(4 * np.trace(np.cov(around.T)))


class _AsGiven(torch.nn.Module):
    """Stands in for a network: what comes in are the features."""

    num_features = 6

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return features


def test_torchmetrics_agrees():
    first, second = embeddings(100, 6), embeddings(150, 6, seed=1)
    metric = FrechetInceptionDistance(feature=_AsGiven(), normalize=False, input_img_size=(1, 1, 1)).set_dtype(
        torch.float64
    )
    metric.update(torch.from_numpy(first), real=True)
    metric.update(torch.from_numpy(second), real=False)
    assert between(first, second) == pytest.approx(float(metric.compute()), rel=1e-6)


def test_few_clips_bias_it_upwards_by_as_much_as_they_are_fewer():
    reference = Gaussian.of_moments(np.zeros(8), np.eye(8))
    rng = np.random.default_rng(3)
    sets = [rng.standard_normal((100, 8)) for _ in range(40)]
    whole, halves = (
        np.mean([frechet_distance(Gaussian.of_embeddings(each[:clips]), reference) for each in sets])
        for clips in (100, 50)
    )
    assert whole > 0.1
    assert halves == pytest.approx(2 * whole, rel=0.1)  # it falls as 1 / N


def test_embeddings_of_two_models_do_not_compare():
    with pytest.raises(ShapeError, match="8 and 9 dimensions"):
        between(embeddings(20, 8), embeddings(20, 9))
