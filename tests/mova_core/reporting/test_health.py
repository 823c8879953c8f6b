"""The doctor says of every measure whether it is taken, and what enables the others."""

import pytest

from mova_core.curation.tables import MEASURE_NAMES
from mova_core.params import Params, params_from
from mova_core.reporting.health import examine

SHA = "0" * 64


def measures(params: Params) -> dict[str, tuple[bool, str, str]]:
    found = {each.what: each for each in examine(params)}
    return {
        what.removeprefix("measures: "): (each.works, each.detail, each.remedy)
        for what, each in found.items()
        if what.startswith("measures: ")
    }


@pytest.mark.parametrize("preset", ["nano", "mova-720p"])
def test_every_measure_is_named(preset):
    told = " ".join(detail for _, detail, _ in measures(Params(preset=preset)).values())
    assert [measure for measure in MEASURE_NAMES if measure not in told] == []


def test_what_is_not_taken_has_a_remedy():
    found = measures(Params())
    assert found["flow"] == (True, "flow_speed: possible, not asked for", "add flow to assess.measures")
    assert found["dover"][0] is False and "no adapter" in found["dover"][2]
    assert measures(Params(preset="mova-360p"))["flow"] == (True, "flow_speed", "")


def test_weights_that_cannot_be_used_are_told_and_do_not_end_the_doctor():
    params = params_from({"assess": {"weights": {"dover": {"path": "a.safetensors", "sha256": SHA}}}})
    works, _, remedy = measures(params)["dover"]
    assert not works and "this version has no adapter for DOVER" in remedy
