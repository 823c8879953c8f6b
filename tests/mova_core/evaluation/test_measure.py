"""On clips of the synthetic world metrics are near their best; of wrongly paired clips they are far from it."""

import numpy as np
import pytest

from mova_core.errors import MovaError
from mova_core.evaluation.availability import unavailable_metrics
from mova_core.evaluation.catalogue import CATALOGUE
from mova_core.evaluation.measure import clip_values, entry, in_order, measure
from mova_core.evaluation.measuring.context import Context
from mova_core.evaluation.measuring.metric import ANY, Distribution, MetricSpec, Need
from mova_core.evaluation.measuring.shuffled import within_class
from mova_core.geometry import GEOMETRIES
from mova_core.measures.clip import Asked, Clip, Unavailable
from mova_core.params.evaluation import EvaluateParams
from mova_core.synthetic.world import KINDS, draw_take, render_audio, render_frames

GEOMETRY = GEOMETRIES["nano-48"]
FPS, RATE_HZ = float(GEOMETRY.fps), GEOMETRY.audio_rate_hz
SECTION = EvaluateParams(bootstrap_samples=20)
ALWAYS = unavailable_metrics((), (), ())  # those that preset nano takes are measured


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    rng = np.random.default_rng(2)
    takes = [draw_take(rng, list(KINDS)[index % 4], GEOMETRY.duration_s) for index in range(24)]
    return [
        Clip(
            np.stack(list(render_frames(take, GEOMETRY.fps, GEOMETRY.frames, 48))),
            render_audio(take, RATE_HZ, GEOMETRY.audio_samples),
            FPS,
            RATE_HZ,
            asked=Asked(label=take.kind),
        )
        for take in takes
    ]


def test_true_pairs_are_near_the_best_and_shuffled_pairs_are_not(clips) -> None:
    metrics = measure(clips, Context(clips, -50), ALWAYS, SECTION).metrics
    for name, best, shuffled in (("offset_s", 0.04, 0.1), ("desync_s", 0.03, 0.12)):
        assert metrics[name].value < best and metrics[name].shuffled > shuffled
    assert metrics["event_f1"].value > 0.95 and metrics["event_f1"].shuffled < 0.35
    assert metrics["av_align"].value > metrics["av_align"].shuffled + 0.1
    for name in ("video_class", "audio_class"):
        assert metrics[name].value == 1
        assert metrics[name].shuffled == pytest.approx(5 / 23)  # 5 of 23 others are of its class
    assert metrics["audible_share"].value == 1
    for name, metric in ((name, each) for name, each in metrics.items() if name not in ALWAYS):
        assert metric.value == metric.data, name  # the clips are their own validation clips
        assert metric.low <= metric.value <= metric.high
        low, high = CATALOGUE[name].range
        assert low <= metric.value <= high


def test_shuffled_pairs_are_of_one_class_and_never_of_one_clip(clips) -> None:
    pairs = within_class(clips)
    assert len(pairs) == 24 * 5
    assert all(one is not other and one.asked.label == other.asked.label for one, other in pairs)


@pytest.mark.parametrize("need", Need)
def test_what_lacks_its_need_is_unavailable_and_says_so(clips, need) -> None:
    metrics = measure(clips[:8], Context([], -50), unavailable_metrics({need}, (), ()), SECTION).metrics
    for name, metric in metrics.items():
        assert (metric.unavailable == need) == (need in CATALOGUE[name].needs), name


def test_silence_is_not_zero() -> None:
    still = Clip(
        np.zeros((GEOMETRY.frames, 48, 48, 3), np.uint8),
        np.zeros(GEOMETRY.audio_samples, np.float32),
        FPS,
        RATE_HZ,
        asked=Asked(label="red-ball"),
    )
    metrics = measure([still], Context([still], -50), ALWAYS, SECTION).metrics
    for name in ("loudness_error_lu", "rms_error_db"):
        assert metrics[name].value is None and "nothing to measure" in metrics[name].unavailable
    missed = {name: metrics[name].value for name in ("event_f1", "offset_s", "desync_s")}
    assert missed == {"event_f1": 0, "offset_s": pytest.approx(0.6), "desync_s": 0.6}
    assert metrics["av_align"].value is None and metrics["av_align"].unavailable == "the audio is silent"
    assert metrics["audible_share"].value == 0


@pytest.mark.parametrize(
    "gives",
    [
        {"ratio": lambda *_: (np.nan, 1.0)},
        {"distribution": Distribution(lambda *_: np.array([1, np.inf], np.float32), lambda *_: 0.0)},
    ],
    ids=["ratio", "distribution"],
)
def test_a_value_that_is_no_number_is_that_of_no_clip(clips, gives) -> None:
    spec = MetricSpec("toy", "toy", "toy", "higher", ANY, **gives)
    assert clip_values(clips[0], [spec], Context([], -50)) == {"toy": Unavailable("its value is no number")}


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes")])
def test_what_found_no_memory_is_told_and_tried_again_at_the_next_run(clips, error) -> None:
    def ratio(*_):
        raise error

    spec = MetricSpec("toy", "toy", "toy", "higher", ANY, ratio=ratio)
    found = clip_values(clips[0], [spec], Context([], -50))["toy"]
    assert found.passing and "engine.evaluate.memory_mb" in found.reason


def test_a_metric_outside_the_catalogue_or_missing_from_what_was_measured_is_an_error() -> None:
    every = {name: entry(name, 0.5) for name in reversed(CATALOGUE)}
    assert list(in_order(every)) == list(CATALOGUE)
    with pytest.raises(MovaError, match=r"measured novelty, which \S+catalogue.py does not list"):
        in_order(every | {"novelty": every["event_f1"]})
    del every["av_align"]
    with pytest.raises(MovaError, match="lists av_align, which nothing measured"):
        in_order(every)
