"""Plans of a clip as text for a terminal of 80 columns."""

from collections.abc import Sequence

from rich.table import Table

from mova_core.plan.text import rendered, si, time_text
from mova_core.sampling.plan.plan import ClipPlan

COLUMNS = 80


def plans_text(plans: Sequence[ClipPlan]) -> str:
    """A row for each memory mode, a column for each card, and what is the same for all."""
    first = plans[0]
    work, passes = first.work, first.passes
    cards = list(dict.fromkeys(plan.accelerator.name for plan in plans))
    canvas, geometry = work.canvas, work.geometry
    title = f"{work.name}: a clip of {geometry.frames} frames of {canvas.width_px}x{canvas.height_px}"
    table = Table("generate.memory", "peak", *cards, title=title)
    for mode in dict.fromkeys(plan.mode for plan in plans):
        row = [plan for plan in plans if plan.mode == mode]
        table.add_row(mode, si(row[0].memory_total, "B"), *(_cell(plan) for plan in row))
    lines = [
        f"{work.tokens.video:,} video, {work.tokens.audio:,} audio, {work.tokens.text:,} text tokens; "
        f"{passes.with_bridge + passes.without_bridge} passes, {passes.without_bridge} of them without the Bridge",
        f"{si(sum(first.flops.values()), 'FLOP')} at {first.mfu:.0%} of the {first.precision} peak of each card",
        *(f"{plan.mode}: {_parts(plan)}" for plan in plans if plan.accelerator.name == cards[0]),
    ]
    return "\n".join([rendered(table, COLUMNS), *lines])


def _cell(plan: ClipPlan) -> str:
    return time_text(plan.seconds_total) if plan.fits else "does not fit"


def _parts(plan: ClipPlan) -> str:
    return ", ".join(f"{name} {si(size, 'B')}" for name, size in plan.memory.items())
