"""Gates hold their limits, close on what is unavailable, and see what classes cannot: a model without a Bridge."""

import pytest
from pydantic import create_model

from mova_core.errors import UsageError
from mova_core.evaluation.gates import judge, table
from mova_core.params.evaluation import SelectParams
from mova_core.registry.manifests import Metric

GOOD = {
    "audio_class": 1.0,
    "video_class": 1.0,
    "event_f1": 0.92,
    "event_f1_over_shuffled": 0.7,
    "offset_s": 0.04,
    "desync_s": 0.02,
    "sync_gain": 0.75,
}
WITHOUT_BRIDGE = GOOD | {
    "event_f1": 0.17,
    "event_f1_over_shuffled": 0.0,
    "offset_s": 0.2,
    "desync_s": 0.22,
    "sync_gain": 0.0,
}


def metrics(values: dict[str, float | None]) -> dict[str, Metric]:
    return {
        name: Metric(value=value, better="higher", unavailable=None if value is not None else "why")
        for name, value in values.items()
    }


@pytest.mark.parametrize("phase", ["phase1", "phase2", "phase3"])
def test_a_good_model_passes_and_one_without_bridge_fails_every_sync_gate(phase: str) -> None:
    assert all(gate.passed for gate in judge(phase, True, SelectParams(), metrics(GOOD)))
    failed = {gate.name for gate in judge(phase, True, SelectParams(), metrics(WITHOUT_BRIDGE)) if not gate.passed}
    assert failed == {"event_f1", "event_f1_over_shuffled", "offset_s", "desync_s", "sync_gain"}


@pytest.mark.parametrize("name", GOOD)
def test_an_unavailable_measure_fails_its_gate(name: str) -> None:
    gates = judge("phase3", True, SelectParams(), metrics(GOOD | {name: None}))
    assert [gate.name for gate in gates if not gate.passed] == [name]
    assert "unavailable" in table(gates) and "why" in table(gates)
    missing = judge("phase3", True, SelectParams(), {})
    assert not any(gate.passed for gate in missing)


def test_a_limit_itself_passes() -> None:
    section = SelectParams().phase1
    limits = {key.rsplit("_at_", 1)[0]: value for key, value in section.model_dump().items()}
    assert all(gate.passed for gate in judge("phase1", True, SelectParams(), metrics(limits)))


def test_a_limit_of_null_asks_nothing() -> None:
    params = SelectParams.model_validate({"phase1": {"event_f1_at_least": None}})
    names = [gate.name for gate in judge("phase1", True, params, metrics({}))]
    assert "event_f1" not in names and "offset_s" in names


def test_other_footage_is_judged_by_what_is_known_of_it() -> None:
    values = {"audible_share": 1.0, "decodable_share": 1.0, "validation_loss": 0.7}
    assert all(gate.passed for gate in judge("phase1", False, SelectParams(), metrics(values)))


def test_every_limit_of_the_params_is_of_a_metric_that_may_be_judged() -> None:
    for phase in ("audio", "phase1", "phase2", "phase3"):
        for synthetic in (True, False):
            assert judge(phase, synthetic, SelectParams(), {})


@pytest.mark.parametrize(
    "key", ["novelty_at_least", "rms_error_db_at_least", "audible_share_at_most", "event_f1_at_least"]
)
def test_a_limit_of_no_metric_or_in_the_wrong_direction_is_refused(key: str) -> None:
    params = SelectParams.model_construct(audio=create_model("Limits", **{key: (float, 0.5)})())
    with pytest.raises(UsageError, match=f"select.audio: {key} is no limit of a metric; possible are audio_class_at"):
        judge("audio", True, params, {})
