"""A sweep of a nano model: every point measured, killed and gone on with, the same bytes, refused in time."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mova_core.errors import UsageError
from mova_core.evaluation.evaluate_suite import SuiteRun
from mova_core.evaluation.generating.generation import Generation
from mova_core.evaluation.suites.named import PromptSuite, load_suite
from mova_core.evaluation.sweeps import measure_points, run
from mova_core.evaluation.sweeps.axes import parse_axes
from mova_core.evaluation.sweeps.result import SWEEP_FILE, Sweep
from mova_core.evaluation.sweeps.run import run_sweep, write_sweep
from mova_core.params import params_from
from mova_core.sampling.clip_generator import ClipGenerator
from mova_core.sampling.sampler import NotFinite
from mova_core.storage.manifest import read_manifest

PARAMS = params_from({"evaluate": {"bootstrap_samples": 20}})
SUITE = load_suite("synthetic", None)
SUITE = replace(SUITE, items=SUITE.items[:3])
AXES = parse_axes(["bridge_guidance_scale=1,2", "text_guidance_scale=1"])
STEPS = {"steps": 1}


@pytest.fixture
def swept(nano_folder, tmp_path):
    """Function that sweeps three clips of that model at one step, its finished points kept in `tmp_path`."""

    def sweep(words=None, suite: PromptSuite = SUITE, cache: str = "cache", changes=STEPS) -> Sweep:
        what = SuiteRun(suite, nano_folder, Generation(changes), tmp_path / "out")
        return run_sweep(what, AXES if words is None else parse_axes(words), PARAMS, tmp_path / cache)

    return sweep


@pytest.fixture
def generated(monkeypatch) -> list[float]:
    """Bridge scale of each batch that is generated; -1 is off."""
    scales, generate = [], ClipGenerator.generate

    def counted(self, clips, settings, **more):
        scales.append(settings.bridge_guidance_scale if settings.bridge else -1.0)
        return generate(self, clips, settings, **more)

    monkeypatch.setattr(ClipGenerator, "generate", counted)
    monkeypatch.setattr(measure_points.os, "cpu_count", lambda: 1)
    return scales


def written(sweep: Sweep, out: Path) -> bytes:
    write_sweep(sweep, out)
    return (out / SWEEP_FILE).read_bytes()


def test_every_point_is_measured_and_a_second_run_generates_nothing(swept, tmp_path, generated) -> None:
    first = swept()
    assert generated == [-1.0, 1.0, 2.0]
    assert [point.bridge for point in first.points] == [False, True, True]
    assert [point.settings["text_guidance_scale"] for point in first.points] == [1, 1, 1]
    assert [point.passes for point in first.points] == [1, 1, 3]
    for point in first.points:
        assert point.metrics["audio_class"].of == 3 and point.metrics["audible_share"].value is not None
    assert "loudness_error_lu" in first.unavailable and "loudness_error_lu" not in first.points[0].metrics
    assert first.defaults["bridge_guidance_scale"] == 2.0 and first.suite.settings["steps"] == 1
    again = swept()
    assert len(generated) == 3
    expected = written(first, tmp_path / "one")
    assert written(again, tmp_path / "two") == expected
    assert read_manifest(tmp_path / "one" / SWEEP_FILE, Sweep)[0].model_dump(mode="json") == json.loads(expected)


def test_a_killed_sweep_goes_on_and_a_larger_grid_measures_what_is_new(swept, generated, monkeypatch) -> None:
    row, calls = measure_points.PointMeter._row, iter(range(5))

    def killed(meter, clip):
        if next(calls) == 4:
            raise KeyboardInterrupt
        return row(meter, clip)

    with monkeypatch.context() as patch:
        patch.setattr(measure_points.PointMeter, "_row", killed)
        with pytest.raises(KeyboardInterrupt):
            swept()
    generated.clear()
    resumed = swept()
    assert generated == [1.0, 2.0]  # the control was finished
    assert resumed == swept(cache="another")
    generated.clear()
    swept(["bridge_guidance_scale=1,2,3", "text_guidance_scale=1"])
    assert generated == [3.0]


def test_other_clips_and_other_settings_are_other_points(swept, generated) -> None:
    axes = ["video_shift=5"]
    swept(axes)
    swept(axes, replace(SUITE, items=SUITE.items[1:]))
    swept(axes, changes=STEPS | {"audio_shift": 1.0})
    assert len(generated) == 3


def test_a_clip_that_the_model_fails_at_is_unavailable_and_the_others_count(swept, monkeypatch) -> None:
    generate, lost = ClipGenerator.generate, SUITE.items[1].wanted.seed

    def failing(self, clips, settings, **more):
        if settings.video_shift == 9 and lost in [clip.seed for clip in clips]:
            raise NotFinite("its latents are no numbers")
        return generate(self, clips, settings, **more)

    monkeypatch.setattr(ClipGenerator, "generate", failing)
    whole, failed = swept(["video_shift=5,9"]).points
    assert whole.metrics["audio_class"].clips == 3
    metric = failed.metrics["audio_class"]
    assert (metric.clips, metric.of) == (2, 3) and "no numbers" in next(iter(metric.missing))


def test_a_point_that_cannot_be_is_refused_before_a_model_is_loaded(swept, monkeypatch) -> None:
    monkeypatch.setattr(run, "load_generator", lambda *_: pytest.fail("it was loaded"))
    for words in (["video_shift=0,1"], ["guidance_rescale=2"]):
        with pytest.raises(UsageError, match=f"at {words[0].partition('=')[0]}"):
            swept(words)
    for changes, told in (
        ({"video_shift": 1.0}, "--video-shift has no part where video_shift is swept"),
        ({"codec": "lossless"}, "--codec has no part in a sweep"),
    ):
        with pytest.raises(UsageError, match=told):
            swept(["video_shift=1,2"], changes=changes)
    with pytest.raises(UsageError, match="--video-bridge-guidance-scale has no part"):
        swept(changes={"video_bridge_guidance_scale": 2.0})


def test_an_interval_without_a_step_is_refused_before_anything_is_generated(swept, generated) -> None:
    with pytest.raises(UsageError, match="no step has a noise level"):
        swept(["guidance_sigma_max=0.1,1"])
    assert not generated
