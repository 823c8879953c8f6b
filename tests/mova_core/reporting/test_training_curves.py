"""Curves say what was written, however long the run was."""

from xml.etree import ElementTree

import numpy as np
import pytest

from mova_core.reporting.training_curves import BOTTOM, POINTS, TOP, loss_plot, moving_mean, sigma_rows


def lines(steps: int, **values: float) -> list[dict]:
    return [{"step": step, "loss": 1.0, **values} for step in range(steps)]


def polylines(svg: str) -> dict[str, list[tuple[float, float]]]:
    return {
        line.get("class", ""): [tuple(map(float, point.split(","))) for point in line.get("points", "").split()]
        for line in ElementTree.fromstring(svg).findall("polyline")
    }


@pytest.mark.parametrize("steps", [1, 2, 150, 5000])
def test_a_line_has_its_ends_and_few_points(steps: int) -> None:
    drawn = polylines(loss_plot(lines(steps, video=0.5, audio=0.2)))
    assert set(drawn) == {"raw video", "smooth video", "raw audio", "smooth audio"}
    for points in drawn.values():
        assert len(points) == min(steps, POINTS)
        assert all(TOP <= y <= BOTTOM for _, y in points)


def test_the_axis_starts_at_zero_and_a_constant_loss_is_a_level_line() -> None:
    drawn = polylines(loss_plot(lines(50, video=1.0, audio=0.5)))
    (video,), (audio,) = ({y for _, y in drawn[f"smooth {name}"]} for name in ("video", "audio"))
    assert BOTTOM - video == pytest.approx(2 * (BOTTOM - audio), abs=0.2)


def test_only_what_was_trained_is_drawn_and_validation_is_marked() -> None:
    run = lines(20, audio=0.4)
    run[9]["validation"] = {"loss": 0.3, "audio": 0.3}
    svg = loss_plot(run)
    assert set(polylines(svg)) == {"raw audio", "smooth audio"}
    assert svg.count("held-out") == 1 and "audio 0.400" in svg


def test_a_moving_mean_keeps_a_constant_and_lowers_noise() -> None:
    assert moving_mean(np.full(100, 0.7)) == pytest.approx(0.7)
    noise = np.random.default_rng(0).normal(size=1000)
    assert moving_mean(noise).std() < 0.3 * noise.std()
    assert moving_mean(np.array([3.0])) == pytest.approx([3.0])


def test_loss_by_sigma_is_of_the_end_and_an_empty_bin_stays_empty() -> None:
    run = lines(100)
    for line in run:
        late = line["step"] >= 90
        line["audio_bins"] = [None, 0.2 if late else 9.0, None if line["step"] % 2 else 0.4, *[0.1] * 7]
    (row,) = sigma_rows(run)
    assert row.modality == "audio"
    assert row.losses[0] is None
    assert row.losses[1:3] == pytest.approx((0.2, 0.4))
    assert row.heat[:3] == pytest.approx((0, 0.5, 1))
