"""A plan keeps to what is given, refuses what cannot fit, and proposes what does."""

import re
from dataclasses import replace

import pytest

from mova_core.errors import MovaError, UsageError
from mova_core.plan.hardware import ACCELERATORS
from mova_core.training.plan.communication import communication_of
from mova_core.training.plan.plan import Setting, cheapest_plan, plan_on
from mova_core.training.plan.published import compare
from mova_core.training.plan.report import comparison_text, plan_text
from mova_core.training.plan.wanted import Wanted
from mova_core.training.strategy.layout import Layout

H100 = Setting(ACCELERATORS["H100"])


def test_what_does_not_fit_is_refused_with_a_layout_that_does(workload):
    full = workload("mova-360p", "phase1")
    for wanted in (Wanted(gpus=8), Wanted(gpus=16, context=1)):
        with pytest.raises(MovaError, match=r"GB a GPU with train: \{parallel") as refused:
            cheapest_plan(full, wanted, H100)
        assert refused.value.exit_code == 1
        sizes = map(int, re.findall(r"(?:replicate|shard|context): (\d+)", str(refused.value).split("fits is")[1]))
        proposed = plan_on(full, Layout(*sizes), H100)
        assert proposed.fits and proposed.layout.processes == 16


def test_full_checkpointing_is_proposed_where_nothing_else_fits(workload):
    with pytest.raises(MovaError, match=r"cheapest that fits is .* activation_checkpointing: full, .* \(\d+ GPUs\)$"):
        cheapest_plan(workload("mova-720p", "phase3"), Wanted(), Setting(ACCELERATORS["H100"], "none"))


def test_the_cheapest_plan_has_the_given_sizes_and_fits(workload):
    full = workload("mova-720p", "phase3")
    plan = cheapest_plan(full, Wanted(gpus=1024, context=16), H100)
    assert plan.layout == Layout(1, 64, 16) and plan.fits
    assert cheapest_plan(full, Wanted(), H100).layout.processes < 1024


@pytest.mark.parametrize("wanted", [Wanted(gpus=41), Wanted(context=64), Wanted(gpus=8, shard=16)])
def test_sizes_that_no_layout_has(workload, wanted):
    with pytest.raises(UsageError, match="no layout has"):
        cheapest_plan(workload("mova-720p", "phase3"), wanted, H100)


def test_step_time_follows_the_stated_mfu_until_communication_is_longer(workload):
    full, layout = workload("mova-360p", "phase1"), Layout(16, 8, 8)
    half = plan_on(full, layout, Setting(ACCELERATORS["H100"], mfu=0.175))
    assert half.step_s == pytest.approx(2 * plan_on(full, layout, H100).step_s)
    short = plan_on(workload("nano", "phase1"), Layout(16), H100)
    assert short.step_s == short.communication_s and short.mfu < 0.35


def test_a_gpu_alone_sends_nothing_and_each_dimension_adds_its_own(workload):
    full = workload("mova-360p", "phase1")

    def sent(layout):
        return communication_of(full, layout, "full", "bfloat16")

    assert sent(Layout()).seconds(Layout(), ACCELERATORS["H100"]) == 0
    assert sent(Layout(shard=2)).all_gather == full.batch / 2 * 2 * 2 * full.step.parameters / 2
    assert sent(Layout(shard=2)).all_to_all == sent(Layout(shard=2)).all_reduce == 0
    assert sent(Layout(replicate=2)).all_reduce == 4 * full.step.parameters
    assert sent(Layout(replicate=2)).all_gather == 0 < sent(Layout(context=2)).all_to_all


def test_what_leaves_a_node_takes_longer(workload):
    full, layout = workload("mova-360p", "phase1"), Layout(context=8)
    small, large = (Setting(replace(ACCELERATORS["H100"], gpus_per_node=gpus)) for gpus in (4, 8))
    assert plan_on(full, layout, small).communication_s > plan_on(full, layout, large).communication_s


def test_cost_and_energy_follow_the_hours(workload):
    plan = cheapest_plan(workload("mova-360p", "phase1"), Wanted(gpus=64), Setting(ACCELERATORS["A100"], price=2.0))
    told = plan.summary()
    assert told["gpu_hours"] == pytest.approx(64 * 24 * told["days"])
    assert (told["cost"], told["energy_kwh"]) == (2 * told["gpu_hours"], pytest.approx(0.4 * told["gpu_hours"]))
    assert f"{told['gpu_hours']:,.1f}" in plan_text(plan)


def test_the_published_run():
    rows = {row["what"]: row for row in compare(H100)}
    for phase in ("phase1", "phase2", "phase3"):
        assert rows[f"{phase}: clips a step, one a context group"]["difference"] == 0
    for name in ("parameters, billions", "parameters in a step, billions"):
        assert abs(rows[name]["difference"]) < 0.025
    assert 1 < rows["passes in the days reported"]["plan"] < 2
    assert "not known" in comparison_text(list(rows.values()))
