"""The plan beside what the MOVA report says of its own run.

The accelerator and the steps and days of a phase are not known: one pass over a phase's hours is planned.
Sources: MOVA report (arXiv:2602.08794): sizes, hours, batches and context parallel of the phases, 1024 GPUs, about
35 % MFU; its 42 days in all as quoted in issue 33 of github.com/OpenMOSS/MOVA.
"""

from typing import Any

from mova_core.params import Params, defaults_of, params_from
from mova_core.training.plan.plan import HOUR_S, Plan, Setting, plan_on
from mova_core.training.plan.workload import workload_of
from mova_core.training.recipe import PHASES
from mova_core.training.strategy.layout import Layout

GPUS, DAYS = 1024, 42
PARAMETERS, ACTIVE_PARAMETERS = 32e9, 18e9
HOURS = {"phase1": 61_500, "phase2": 37_600, "phase3": 11_000}  # of clips
CONTEXT = {"phase1": 8, "phase2": 8, "phase3": 16}
BATCH = {"phase1": 128, "phase2": 128, "phase3": 64}


def published_params() -> Params:
    """The preset that stands for the report's model and recipe."""
    return params_from(defaults_of("mova-720p"))


def published_plans(setting: Setting) -> dict[str, Plan]:
    """Each joint phase on the report's layout, one pass over its clips."""
    params, plans = published_params(), {}
    for phase, hours in HOURS.items():
        clips = hours * HOUR_S / PHASES[phase].geometry(params).duration_s
        workload = workload_of(PHASES[phase], params, steps=round(clips / BATCH[phase]))
        plans[phase] = plan_on(workload, Layout(shard=GPUS // CONTEXT[phase], context=CONTEXT[phase]), setting)
    return plans


def compare(setting: Setting) -> list[dict[str, Any]]:
    """Rows of `what`, `plan`, `report` (None where not known) and `difference` (a fraction of the report's)."""
    plans = published_plans(setting)
    workload, days = plans["phase3"].workload, sum(plan.days for plan in plans.values())
    rows = [
        _row("parameters, billions", workload.held.parameters / 1e9, PARAMETERS / 1e9),
        _row("parameters in a step, billions", workload.step.parameters / 1e9, ACTIVE_PARAMETERS / 1e9),
    ]
    for phase, plan in plans.items():
        rows += [
            _row(f"{phase}: clips a step, one a context group", plan.layout.data_ranks, BATCH[phase]),
            _row(f"{phase}: GB a GPU", plan.memory_total / 1e9),
            _row(f"{phase}: seconds a step", plan.step_s),
            _row(f"{phase}: communication, as a part of the step", plan.communication_s / plan.step_s),
            _row(f"{phase}: steps of one pass over its {HOURS[phase]:,} hours", plan.workload.steps),
            _row(f"{phase}: days of one pass", plan.days),
        ]
    return [
        *rows,
        _row("days of the three passes", days, DAYS),
        _row("GPU-days of the three passes", days * GPUS, DAYS * GPUS),
        _row("passes in the days reported", DAYS / days),
    ]


def _row(what: str, plan: float, report: float | None = None) -> dict[str, Any]:
    difference = None if report is None else plan / report - 1
    return {"what": what, "plan": plan, "report": report, "difference": difference}
