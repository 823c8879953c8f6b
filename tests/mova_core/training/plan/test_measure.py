from mova_core.params import Params
from mova_core.training.plan import measure as module
from mova_core.training.plan.report import measured_text
from mova_core.training.recipe import PHASES


def test_planned_flops_over_measured_time(workload, monkeypatch):
    monkeypatch.setattr(module, "REPEATS", 1)
    step = workload("nano", "phase1").step
    measured = module.measure(PHASES["phase1"], Params())
    assert measured["flops"] == module.CLIPS * (step.forward + step.backward)
    assert 0 < measured["mfu"] < 1
    assert "one core" in measured_text(measured)
