"""Figures have known answers: a clock that is told the time, and a phase whose work is known."""

import pytest

from mova_core.params import Params
from mova_core.training.curves import SIGMA_BINS
from mova_core.training.monitor.figures import Meter
from mova_core.training.plan.workload import workload_of
from mova_core.training.recipe import PHASES

PEAK = 1e12


class Clock:
    """Seconds as they are set."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def meter(phase: str, clock: Clock, waited: Clock, peak: float | None = PEAK) -> Meter:
    work = workload_of(PHASES[phase], Params())
    return Meter(work, work.steps, lambda: peak, waited, lambda: 5_000, clock)


def record(step: int, loss: float, **more: object) -> dict:
    bins = [loss] + [None] * (SIGMA_BINS - 1)
    losses = {"video": loss / 2, "audio": loss * 2, "video_bins": bins, "audio_bins": [None] * SIGMA_BINS}
    return {"step": step, "lr": 0.1 * step, "grad_norm": loss + 1, "loss": loss, **losses, **more}


def test_speed_mfu_and_waiting_are_of_the_time_since_the_last_figures() -> None:
    clock, waited = Clock(), Clock()
    work, measured = workload_of(PHASES["phase1"], Params()), meter("phase1", clock, waited)
    for seconds, wait in ((4.0, 1.0), (2.0, 0.0)):
        clock.now, waited.now = clock.now + seconds, waited.now + wait
        found = measured.figures([record(8, 1.0), record(9, 3.0)], timed=2)
        clips_per_s = 2 * 16 / seconds
        assert found.tokens_per_s == {"video": 36 * clips_per_s, "audio": 26 * clips_per_s}
        assert found.mfu == pytest.approx(clips_per_s * (work.step.forward + work.step.backward) / PEAK)
        assert (found.data_wait, found.step_s, found.memory_bytes) == (wait / seconds, seconds / 2, 5_000)
        assert found.left_s == (700 - 10) * seconds / 2


def test_losses_are_means_over_the_steps_that_moved_the_weights() -> None:
    clock = Clock()
    measured = meter("phase1", clock, Clock())
    clock.now += 1
    found = measured.figures([record(0, 1.0), record(1, 3.0), record(2, 100.0, skipped="loss is a spike")], timed=3)
    assert (found.loss, found.grad_norm, found.lr, found.skipped) == (2.0, 3.0, 0.2, 1)
    assert found.modalities == {"video": 1.0, "audio": 4.0}
    assert found.by_sigma == {"video": [2.0] + [None] * 9, "audio": [None] * 10}


def test_what_is_not_known_is_none_never_zero() -> None:
    clock = Clock()
    measured = meter("audio", clock, Clock(), peak=None)
    clock.now += 1
    broken = {"step": 0, "lr": 0.1, "grad_norm": None, "loss": None, "audio": None, "audio_bins": [None] * 10}
    found = measured.figures([broken | {"skipped": "loss is nan"}], timed=1)
    assert (found.mfu, found.loss, found.grad_norm, found.modalities) == (None, None, None, {"audio": None})
    assert set(found.tokens_per_s) == set(found.by_sigma) == {"audio"}
