"""Gates hold their limits, close on what is unavailable, and see what classes cannot: a model without a Bridge."""

from typing import get_args

import pytest
from pydantic import create_model

from mova_core.errors import UsageError
from mova_core.evaluation.gates import judge, table
from mova_core.params import params_from
from mova_core.params.evaluation import Footage, SelectParams
from mova_core.registry.manifests import Metric

GOOD = {
    "audio_class": 1.0,
    "video_class": 1.0,
    "event_f1": 0.92,
    "event_f1_over_shuffled": 0.7,
    "offset_s": 0.04,
    "desync_s": 0.02,
    "sync_gain": 0.75,
    "event_rate_within_data": 0.95,
    "onset_rate_within_data": 0.95,
    "memorised_share": 0.0,
}
OTHER = {
    "loss_gain_over_start": 0.1,
    "loss_gain_by_bridge": 0.02,
    "collapsed_share": 0.0,
    "memorised_share": 0.0,
    "loudness_within_data": 0.95,
    "audible_share": 1.0,
    "decodable_share": 1.0,
}
SYNC = {"av_align_over_shuffled": 0.2, "onset_lag_under_shuffled_s": 0.1}
MOVA = params_from({"preset": "mova-360p"}).select
GAINS, WITH_VIDEO = {"loss_gain_over_start", "loss_gain_by_bridge"}, {"loss_gain_by_bridge", "collapsed_share"}
WITHOUT_BRIDGE = GOOD | {
    "event_f1": 0.17,
    "event_f1_over_shuffled": 0.0,
    "offset_s": 0.2,
    "desync_s": 0.22,
    "sync_gain": 0.0,
}


def metrics(values: dict[str, float | None]) -> dict[str, Metric]:
    return {
        name: Metric(
            value=value, low=value, high=value, better="higher", unavailable=None if value is not None else "why"
        )
        for name, value in values.items()
    }


@pytest.mark.parametrize("phase", ["phase1", "phase2", "phase3"])
def test_a_good_model_passes_and_one_without_bridge_fails_every_sync_gate(phase: str) -> None:
    assert all(gate.passed for gate in judge(phase, "synthetic", SelectParams(), metrics(GOOD)))
    failed = {
        gate.name for gate in judge(phase, "synthetic", SelectParams(), metrics(WITHOUT_BRIDGE)) if not gate.passed
    }
    assert failed == {"event_f1", "event_f1_over_shuffled", "offset_s", "desync_s", "sync_gain"}


@pytest.mark.parametrize("name", GOOD)
def test_an_unavailable_measure_fails_its_gate(name: str) -> None:
    gates = judge("phase3", "synthetic", SelectParams(), metrics(GOOD | {name: None}))
    assert [gate.name for gate in gates if not gate.passed] == [name]
    assert "unavailable" in table(gates) and "why" in table(gates)
    missing = judge("phase3", "synthetic", SelectParams(), {})
    assert not any(gate.passed for gate in missing)


def test_a_limit_itself_passes() -> None:
    section = SelectParams().phase1
    limits = {key.rsplit("_at_", 1)[0]: value for key, value in section.model_dump().items()}
    assert all(gate.passed for gate in judge("phase1", "synthetic", SelectParams(), metrics(limits)))


def test_a_limit_of_null_asks_nothing() -> None:
    params = SelectParams.model_validate({"phase1": {"event_f1_at_least": None}})
    names = [gate.name for gate in judge("phase1", "synthetic", params, metrics({}))]
    assert "event_f1" not in names and "offset_s" in names


def test_other_footage_is_judged_by_what_is_known_of_it() -> None:
    for phase, values in (("phase1", OTHER), ("phase2", OTHER), ("phase3", OTHER | SYNC)):
        gates = judge(phase, "other", MOVA, metrics(values))
        assert {gate.name for gate in gates} == set(values) and all(gate.passed for gate in gates)
    nano = {gate.name for gate in judge("phase3", "other", SelectParams(), {})}
    assert nano == set(OTHER | SYNC) - {"av_align_over_shuffled"}
    audio = judge("audio", "other", SelectParams(), metrics(OTHER))
    assert {gate.name for gate in audio} == set(OTHER) - WITH_VIDEO and all(gate.passed for gate in audio)


def test_weights_that_learned_nothing_fail_the_gates_of_other_footage() -> None:
    untrained = OTHER | dict.fromkeys(GAINS | set(SYNC), 0.0)
    for phase, gains in (("audio", GAINS - WITH_VIDEO), ("phase1", GAINS), ("phase3", GAINS | set(SYNC))):
        gates = judge(phase, "other", MOVA, metrics(untrained))
        assert {gate.name for gate in gates if not gate.passed} == gains


def test_every_limit_of_the_params_is_of_a_metric_that_may_be_judged() -> None:
    for phase in ("audio", "phase1", "phase2", "phase3"):
        for footage in get_args(Footage):
            assert judge(phase, footage, SelectParams(), {})


@pytest.mark.parametrize(
    ("low", "passed"), [(0.01, True), (0.0, False), (-0.01, False), (None, False)], ids=["above", "at", "below", "none"]
)
def test_a_gate_of_an_interval_asks_for_all_of_it_above_the_limit(low: float | None, passed: bool) -> None:
    section = create_model("Limits", av_align_over_shuffled_interval_above=(float, 0.0))()
    params = SelectParams.model_construct(other_footage=section)
    metric = Metric(value=0.2, low=low, high=None if low is None else 0.4, better="higher")
    (gate,) = judge("phase1", "other", params, {"av_align_over_shuffled": metric})
    assert (gate.passed, gate.value, gate.low, gate.asked) == (passed, 0.2, low, "interval > 0")
    assert (gate.unavailable is None) == (low is not None)
    assert ("it has no interval" in table([gate])) == (low is None)


@pytest.mark.parametrize(
    "key", ["novelty_at_least", "rms_error_db_at_least", "audible_share_at_most", "event_f1_at_least"]
)
def test_a_limit_of_no_metric_or_in_the_wrong_direction_is_refused(key: str) -> None:
    params = SelectParams.model_construct(audio=create_model("Limits", **{key: (float, 0.5)})())
    with pytest.raises(UsageError, match=f"select.audio: {key} is no limit of a metric; possible are audio_class_at"):
        judge("audio", "synthetic", params, {})
