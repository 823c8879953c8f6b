"""Curves say what was written, however long the run was."""

import re

import numpy as np
import pytest

from mova_core.reporting.charts.loss import POINTS, loss_chart, moving_mean, sigma_rows


def records(steps: int, **values: float) -> list[dict]:
    return [{"step": step, "loss": 1.0, **values} for step in range(steps)]


def curves(svg: str) -> dict[str, list[tuple[float, float]]]:
    """Points of each curve by its CSS class."""
    found = re.findall(r'<g class="((?:raw|mean) \w+)">\s*<path d="([^"]*)"', svg)
    return {
        name: [(float(x), float(y)) for x, y in re.findall(r"[ML] ([\d.]+) ([\d.]+)", path)] for name, path in found
    }


@pytest.mark.parametrize("steps", [2, 150, 5000])
def test_a_line_has_its_ends_and_few_points(steps: int) -> None:
    rng = np.random.default_rng(0)
    run = [{"step": step, "loss": 1.0, "video": rng.random(), "audio": rng.random()} for step in range(steps)]
    drawn = curves(loss_chart(run))
    assert set(drawn) == {"raw video", "mean video", "raw audio", "mean audio"}
    for points in drawn.values():
        assert 2 <= len(points) <= 1.1 * POINTS  # matplotlib adds points where a curve leaves the frame
    assert len({points[0][0] for points in drawn.values()} | {points[-1][0] for points in drawn.values()}) == 2


def test_the_axis_starts_at_zero_and_a_constant_loss_is_a_level_line() -> None:
    drawn = curves(loss_chart(records(50, video=1.0, audio=0.5)))
    (video,), (audio,) = ({y for _, y in drawn[f"mean {name}"]} for name in ("video", "audio"))
    assert video < audio  # SVG counts from the top


def test_a_run_of_one_step_is_drawn() -> None:
    assert "audio 0.200" in loss_chart(records(1, audio=0.2))


def test_only_what_was_trained_is_drawn_and_validation_is_marked() -> None:
    run = records(20, audio=0.4)
    run[9]["validation"] = {"loss": 0.3, "audio": 0.3}
    svg = loss_chart(run)
    assert set(curves(svg)) == {"raw audio", "mean audio"}
    assert svg.count("<title>validation audio 0.300 at step 9") == 1 and "audio 0.400" in svg


def test_a_moving_mean_keeps_a_constant_and_lowers_noise() -> None:
    assert moving_mean(np.full(100, 0.7)) == pytest.approx(0.7)
    noise = np.random.default_rng(0).normal(size=1000)
    assert moving_mean(noise).std() < 0.3 * noise.std()
    assert moving_mean(np.array([3.0])) == pytest.approx([3.0])


def test_loss_by_sigma_is_of_the_end_and_an_empty_bin_stays_empty() -> None:
    run = records(100)
    for record in run:
        late = record["step"] >= 90
        record["audio_bins"] = [None, 0.2 if late else 9.0, None if record["step"] % 2 else 0.4, *[0.1] * 7]
    (row,) = sigma_rows(run)
    assert row.modality == "audio"
    assert row.losses[0] is None
    assert row.losses[1:3] == pytest.approx((0.2, 0.4))
    assert row.cells[:3] == [("–", "0"), ("0.20", "0.50"), ("0.40", "1.00")]
