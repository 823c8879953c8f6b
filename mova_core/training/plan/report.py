"""A plan as text for a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from mova_core.plan.hardware import USABLE
from mova_core.plan.text import rendered, si, time_text
from mova_core.training.plan.plan import Plan


def plan_text(plan: Plan) -> str:
    """Every number of a plan, with its unit."""
    told, accelerator = plan.summary(), plan.setting.accelerator
    tokens, flops, cost = told["tokens"], told["flops"], told["cost"]
    model = {
        "tokens of a clip": f"{tokens['video']:,} video, {tokens['audio']:,} audio, {tokens['text']:,} text",
        "parameters": f"{sum(told['parameters'].values()):,}, in a step {told['active_parameters']:,}",
        "FLOPs of a clip": f"{si(flops['forward'], 'FLOP')} forward, {si(flops['backward'], 'FLOP')} backward",
        "FLOPs of a step": f"{si(flops['step'], 'FLOP')}, {told['batch']} clips",
    }
    memory = {f"memory: {name}": si(value, "B") for name, value in plan.memory.items()}
    memory["memory of a GPU"] = f"{si(plan.memory_total, 'B')} of {si(USABLE * accelerator.memory, 'B')} usable"
    sent = {f"sent: {name.replace('_', '-')}": si(value, "B") for name, value in told["communication_bytes"].items()}
    step = {
        "communication, not hidden": time_text(told["communication_s"]),
        "step": f"{time_text(told['step_s'])} at {told['mfu']:.1%} MFU",
        "latents and texts read": f"{si(told['data_bytes_per_s'], 'B/s')} at most",
    }
    run = {
        "checkpoint": si(told["checkpoint_bytes"], "B"),
        "duration": f"{told['days']:.3g} days for {told['steps']:,} steps",
        "GPU-hours": f"{told['gpu_hours']:,.1f}",
        "energy of the GPUs": f"{told['energy_kwh']:,.1f} kWh",
        "cost": "not known: give --price" if cost is None else f"{cost:,.0f}",
    }
    table = Table(
        title=f"{told['preset']} {told['phase']} on {plan.layout.processes} {accelerator.name}", show_header=False
    )
    for section in (model, memory, sent | step, run):
        for row in section.items():
            table.add_row(*row)
        table.add_section()
    return f"{rendered(table)}\n{plan.choice}"


def comparison_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows of `published.compare`."""
    table = Table("", "plan", "report", "difference")
    for row in rows:
        report = "not known" if row["report"] is None else _number(row["report"])
        difference = "" if row["difference"] is None else f"{row['difference']:+.1%}"
        table.add_row(row["what"], _number(row["plan"]), report, difference)
    return rendered(table)


def measured_text(measured: Mapping[str, float]) -> str:
    """What `measure.measure` found, as a sentence."""
    return (
        f"nano, {measured['clips']} clips on one core: {1000 * measured['step_s']:.1f} ms for forward and backward of "
        f"{si(measured['flops'], 'FLOP')} = {si(measured['flops_per_s'], 'FLOP/s')}, {measured['mfu']:.0%} of the "
        f"{si(measured['peak_flops_per_s'], 'FLOP/s')} of a matrix product"
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
