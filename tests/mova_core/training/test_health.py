"""Which steps are skipped, and when a run stops."""

import math

import pytest

from mova_core.errors import MovaError
from mova_core.params.model import HealthParams
from mova_core.training.health import LEAST_STEPS, Health


def records(count: int, loss: float = 1.0) -> list[dict]:
    return [{"step": step, "loss": loss, "grad_norm": 0.5} for step in range(count)]


def watched(count: int, **params: object) -> Health:
    return Health(HealthParams.model_validate({"spike_factor": 4, **params}), "phase1", records(count))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_a_fault_at_once(value):
    assert watched(0).fault(value, 1.0) == f"loss is {value}"
    assert watched(0).fault(1.0, value) == f"gradient norm is {value}"


def test_a_spike_is_measured_against_the_steps_before():
    health = watched(LEAST_STEPS)
    assert health.fault(4.0, 2.0) is None
    assert health.fault(4.1, 2.0) == "loss is 4.1, above 4"
    assert health.fault(4.0, 2.01) == "gradient norm is 2.01, above 2"
    assert watched(LEAST_STEPS - 1).fault(1e9, 1e9) is None


def test_a_skipped_step_does_not_move_the_limit():
    health = watched(LEAST_STEPS)
    for step in range(5):
        health.note({"step": step, "loss": 1e9, "grad_norm": 1e9, "skipped": "loss is 1e+09, above 4"})
    assert health.fault(4.1, 2.0) == "loss is 4.1, above 4"


def test_a_run_stops_after_so_many_skipped_steps_of_the_window():
    health = watched(20, window=20, most_skipped=1)
    health.note({"step": 20, "skipped": "loss is nan"})
    for record in records(20):
        health.note(record)  # the skipped one leaves the window
    health.note({"step": 41, "skipped": "loss is nan"})
    with pytest.raises(MovaError, match=r"2 of the last 20 steps of phase1 were skipped .steps 41, 42; the last: loss"):
        health.note({"step": 42, "skipped": "loss is inf"})
