"""Inception score and Fréchet audio distance are those of what the network says of each clip."""

import numpy as np
import pytest

from mova_core.evaluation.measuring.aggregate import aggregate
from mova_core.evaluation.measuring.metric import MetricSpec
from mova_core.evaluation.metrics.distributions.by_panns import FRECHET_AUDIO_DISTANCE, INCEPTION_SCORE
from mova_core.measures.clip import Clip, Unavailable
from mova_core.measures.models.panns.adapter import Cnn14Output
from mova_core.params.evaluation import EvaluateParams


class Oracle:
    """A network that is sure of the class that the first sample numbers, and embeds the second sample."""

    asked = 0

    def of_clip(self, clip):
        Oracle.asked += 1
        if not len(clip.audio):
            return Unavailable("it has no audio")
        logits = np.full(4, -30, np.float32)
        logits[int(clip.audio[0])] = 30
        return Cnn14Output(clip.audio[1:2], logits)


class OneModel:
    oracle = Oracle()

    def adapter(self, name):
        assert name == "panns"
        return self.oracle


def clip(*samples):
    return Clip(np.zeros((1, 2, 2, 3), np.uint8), np.array(samples, np.float32), 24.0, 32_000)


def values(distribution, clips):
    return [distribution.embedding(each, OneModel()) for each in clips]


def number(distribution, clips, reference=()):
    spec = MetricSpec("toy", "toy", "toy", "higher", (0, 9), distribution=distribution)
    section = EvaluateParams(bootstrap_samples=20)
    return aggregate(spec, values(distribution, clips), [None] * len(clips), section, values(distribution, reference))


def test_as_many_sure_classes_are_the_score():
    found = number(INCEPTION_SCORE, [clip(one, 0) for one in (0, 1, 2, 0, 1, 2)])
    assert found.value == pytest.approx(3)
    assert 1 <= found.ends[0] <= 3
    assert number(INCEPTION_SCORE, [clip(3, 0)] * 4).value == pytest.approx(1)


def test_the_distance_is_that_of_two_gaussians():
    clips = [clip(0, value) for value in (-1, 1, -1, 1)]
    moved = [clip(0, 3 + 2 * value) for value in (-1, 1, -1, 1)]
    root = np.sqrt(4 / 3)  # of the unbiased variance
    assert number(FRECHET_AUDIO_DISTANCE, clips, moved).value == pytest.approx(9 + (2 * root - root) ** 2)
    assert number(FRECHET_AUDIO_DISTANCE, clips, clips).value == pytest.approx(0, abs=1e-6)
    assert "at least 2 clips" in number(FRECHET_AUDIO_DISTANCE, clips[:1], moved).unavailable


def test_a_clip_that_it_cannot_take_is_left_out_with_its_reason():
    found = number(INCEPTION_SCORE, [clip(0, 0), clip(), clip(1, 0)])
    assert (found.clips, found.of, found.missing) == (2, 3, {"it has no audio": 1})


def test_both_metrics_ask_the_network_once():
    before, one = Oracle.asked, clip(0, 0)
    values(INCEPTION_SCORE, [one]), values(FRECHET_AUDIO_DISTANCE, [one])
    assert Oracle.asked == before + 1
