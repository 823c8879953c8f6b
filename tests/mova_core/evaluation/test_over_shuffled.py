"""What each clip adds to a metric over wrong pairs gives that metric again, whichever direction it has."""

import numpy as np
import pytest

from mova_core.evaluation.measuring.context import Context
from mova_core.evaluation.measuring.ratio_metric import RatioMetric
from mova_core.evaluation.over_shuffled import OVER_SHUFFLED, over_shuffled
from mova_core.geometry import GEOMETRIES
from mova_core.measures.clip import Asked, Clip
from mova_core.params.evaluation import EvaluateParams
from mova_core.synthetic.world import KINDS, draw_take, render_audio, render_frames

GEOMETRY = GEOMETRIES["nano-32"]


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    """Two clips of each class of the synthetic world."""
    rng, made = np.random.default_rng(0), []
    for kind in [*KINDS] * 2:
        take = draw_take(rng, kind, GEOMETRY.duration_s)
        frames = np.stack(list(render_frames(take, GEOMETRY.fps, GEOMETRY.frames, 48)))
        audio = render_audio(take, GEOMETRY.audio_rate_hz, GEOMETRY.audio_samples)
        made.append(Clip(frames, audio, float(GEOMETRY.fps), GEOMETRY.audio_rate_hz, asked=Asked(label=kind)))
    return made


def test_the_first_ratio_less_the_second_is_the_metric(clips: list[Clip]) -> None:
    found = over_shuffled(clips, Context([], -50), {}, EvaluateParams(bootstrap_samples=5))
    assert found.keys() == OVER_SHUFFLED.keys()
    for each in found.values():
        first, second = (RatioMetric.of([pair[side] for pair in each.of_clips]).value for side in (0, 1))
        assert each.metric.value is not None and first is not None and second is not None
        assert len(each.of_clips) == len(clips) and first - second == pytest.approx(each.metric.value)
    assert found["event_f1_over_shuffled"].metric.value > 0


def test_what_is_unavailable_has_no_clips(clips: list[Clip]) -> None:
    unavailable = {"event_f1_over_shuffled": "no events"}
    found = over_shuffled(clips, Context([], -50), unavailable, EvaluateParams(bootstrap_samples=5))
    assert not found["event_f1_over_shuffled"].of_clips and found["av_align_over_shuffled"].of_clips
