"""A sweep of a nano model: every point measured, killed and gone on with, the same bytes, refused in time."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mova_core.errors import UsageError
from mova_core.evaluation.sweeps import measure_points
from mova_core.evaluation.sweeps.axes import parse_axes
from mova_core.evaluation.sweeps.result import SWEEP_FILE, Sweep
from mova_core.evaluation.sweeps.run import run_sweep, sweep_suite, write_sweep
from mova_core.params import params_from
from mova_core.sampling.clip_generator import ClipGenerator
from mova_core.storage.manifest import read_manifest

PARAMS = params_from({"evaluate": {"batch": 2, "bootstrap_samples": 20}})
SUITE = sweep_suite(PARAMS.evaluate, 3)
AXES = parse_axes(["bridge_guidance_scale=1,2", "text_guidance_scale=1", "steps=1"])


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


def test_every_point_is_measured_and_a_second_run_generates_nothing(nano_folder, tmp_path, generated) -> None:
    first = run_sweep(nano_folder, AXES, SUITE, PARAMS, tmp_path / "cache")
    assert generated == [-1.0, -1.0, 1.0, 1.0, 2.0, 2.0]  # 2 batches of 3 clips a point
    assert [(point.bridge, point.settings["text_guidance_scale"]) for point in first.points] == [
        (False, 1),
        (True, 1),
        (True, 1),
    ]
    assert [point.passes for point in first.points] == [1, 1, 3]
    for point in first.points:
        assert point.metrics["audio_class"].of == 3 and point.metrics["audible_share"].value is not None
    assert "loudness_error_lu" in first.unavailable and "loudness_error_lu" not in first.points[0].metrics
    assert first.defaults["bridge_guidance_scale"] == 2.0 and first.axes["steps"] == [1]
    assert first.suggestion.point is None or first.suggestion.point in dict(first.grid)
    again = run_sweep(nano_folder, AXES, SUITE, PARAMS, tmp_path / "cache")
    assert len(generated) == 6
    bytes_of_first = written(first, tmp_path / "one")
    assert written(again, tmp_path / "two") == bytes_of_first
    assert rounded_back(tmp_path / "one") == json.loads(bytes_of_first)


def rounded_back(out: Path) -> dict:
    return read_manifest(out / SWEEP_FILE, Sweep)[0].model_dump(mode="json")


def test_a_killed_sweep_goes_on_and_a_larger_grid_measures_what_is_new(nano_folder, tmp_path, generated) -> None:
    def killed(*_):
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        row, calls = measure_points.PointMeter._row, iter(range(5))
        patch.setattr(
            measure_points.PointMeter, "_row", lambda self, clip: row(self, clip) if next(calls) < 4 else killed()
        )
        with pytest.raises(KeyboardInterrupt):
            run_sweep(nano_folder, AXES, SUITE, PARAMS, tmp_path / "cache")
    generated.clear()
    resumed = run_sweep(nano_folder, AXES, SUITE, PARAMS, tmp_path / "cache")
    assert generated == [1.0, 1.0, 2.0, 2.0]  # the control was finished
    assert resumed == run_sweep(nano_folder, AXES, SUITE, PARAMS, tmp_path / "another")
    generated.clear()
    larger = parse_axes(["bridge_guidance_scale=1,2,3", "text_guidance_scale=1", "steps=1"])
    run_sweep(nano_folder, larger, SUITE, PARAMS, tmp_path / "cache")
    assert generated == [3.0, 3.0]


def test_other_seeds_are_another_suite(nano_folder, tmp_path, generated) -> None:
    axes = parse_axes(["steps=1"])
    run_sweep(nano_folder, axes, SUITE, PARAMS, tmp_path)
    other = replace(SUITE, seeds=tuple(seed + 1 for seed in SUITE.seeds))
    run_sweep(nano_folder, axes, other, PARAMS, tmp_path)
    assert len(generated) == 4


def test_a_point_that_cannot_be_is_refused_before_a_model_is_loaded(nano_folder, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(ClipGenerator, "load", lambda *_: pytest.fail("it was loaded"))
    with pytest.raises(UsageError, match="at video_shift 0"):
        run_sweep(nano_folder, parse_axes(["video_shift=0,1"]), SUITE, PARAMS, tmp_path)


def test_an_interval_without_a_step_is_refused_before_anything_is_generated(nano_folder, tmp_path, generated) -> None:
    axes = parse_axes(["steps=1,2", "guidance_sigma_max=0.1,1"])
    with pytest.raises(UsageError, match="no step has a noise level"):
        run_sweep(nano_folder, axes, SUITE, PARAMS, tmp_path)
    assert not generated


def test_the_suite_has_as_many_clips_as_asked_for() -> None:
    assert len(sweep_suite(PARAMS.evaluate, 6).prompts) == 6 and len(set(SUITE.labels)) == 3
