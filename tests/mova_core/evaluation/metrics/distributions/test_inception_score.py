"""The inception score of known class probabilities."""

import numpy as np
import pytest
import torch
from torchmetrics.image.inception import InceptionScore

from mova_core.errors import ShapeError
from mova_core.evaluation.metrics.distributions.inception_score import inception_score


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def test_clips_that_are_all_alike_score_one():
    for clips in range(2, 60):  # rounding takes some of these below 1
        found = inception_score(np.tile(np.float32([0.7, 0.2, 0.1]), (clips, 1)))
        assert found >= 1 and found == pytest.approx(1)


@pytest.mark.parametrize("classes", [2, 5, 12])
def test_clips_that_are_sure_and_spread_evenly_score_the_number_of_classes(classes):
    assert inception_score(np.tile(np.eye(classes), (3, 1))) == pytest.approx(classes)


def test_two_halves_have_the_score_of_their_divergence():
    rows = np.array([[0.9, 0.1], [0.1, 0.9]] * 4)
    assert inception_score(rows) == pytest.approx(np.exp(0.9 * np.log(0.9 / 0.5) + 0.1 * np.log(0.1 / 0.5)))


def test_splits_take_clips_in_their_order():
    rows = np.repeat(np.eye(2), 4, axis=0)
    assert inception_score(rows) == pytest.approx(2)
    assert inception_score(rows, splits=2) == pytest.approx(1)


@pytest.mark.filterwarnings("ignore:.*will save all extracted features", "ignore:std")
def test_torchmetrics_agrees():
    logits = np.random.default_rng(0).normal(0, 2, (60, 7))
    metric = InceptionScore(feature=torch.nn.Identity(), splits=1).set_dtype(torch.float64)
    metric.update(torch.from_numpy(logits))
    assert inception_score(softmax(logits)) == pytest.approx(float(metric.compute()[0]), rel=1e-9)


def test_few_clips_bias_it_downwards():
    rows = softmax(np.random.default_rng(0).normal(0, 2, (4000, 10)))
    assert inception_score(rows[:8]) < inception_score(rows[:100]) < inception_score(rows) + 0.1
    assert inception_score(rows, splits=500) < 0.95 * inception_score(rows)


def test_what_are_no_probabilities_is_refused():
    with pytest.raises(ShapeError, match="softmax"):
        inception_score(np.array([[0.5, 0.2], [0.5, 0.5]]))
    with pytest.raises(ShapeError, match="3 splits"):
        inception_score(np.eye(2), splits=3)
