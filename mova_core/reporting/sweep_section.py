"""What a page shows of a sweep, ready to print: suggestion and its cost, charts, the front, every point."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mova_core.evaluation.catalogue import CATALOGUE
from mova_core.evaluation.sweeps.axes import described
from mova_core.evaluation.sweeps.result import SWEEP_FILE, Sweep, SweptPoint
from mova_core.reporting.charts.front import front_chart
from mova_core.reporting.charts.heat_map import heat_map
from mova_core.reporting.charts.sweep import report_chart
from mova_core.reporting.charts.sweep_lines import lines_chart
from mova_core.reporting.charts.sweep_slice import Slice, shown_metrics, slices, symbol
from mova_core.reporting.evaluation.page import Section
from mova_core.reporting.templates import render
from mova_core.storage.atomic import write_text
from mova_core.storage.manifest import read_manifest

PAGE_FILE = "sweep.html"
HEADING = "Guidance and shifts"
REPORT_AXIS = "bridge_guidance_scale"  # that of the MOVA report's Table 5


@dataclass(frozen=True, slots=True)
class Plane:
    """Charts of two settings; `held` says where the others are, empty where there is none."""

    title: str
    held: str
    charts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PointRow:
    """A point as a row: its settings, then its cells (value, interval), None for what is unavailable."""

    settings: tuple[str, ...]
    css: str
    mark: str
    passes: int
    cells: tuple[tuple[str, str] | None, ...]


@dataclass(frozen=True, slots=True)
class SweepPage:
    """What there is to show of a sweep.

    Args:
        headline: what is suggested, or why nothing is, in a sentence.
        rule: of the suggestion; empty where there is none.
        cost: what the suggestion gives up, a sentence each.
        front: chart of the Pareto front; None where there is none.
        front_missing: why there is none.
        left_out: points that the front leaves out, and why.
        planes: charts of settings, two by two.
        published: chart of the MOVA report's Table 5, where its setting is swept.
        axes: settings that are swept, as charts call them.
        columns: titles of metrics.
        rows: every point.
        unavailable: metrics that no point has, and why.
    """

    headline: str
    rule: str
    cost: list[str]
    front: str | None
    front_missing: str | None
    left_out: list[tuple[str, str]]
    planes: list[Plane]
    published: str | None
    axes: list[str]
    columns: list[str]
    rows: list[PointRow]
    unavailable: list[tuple[str, str]]


def sweep_section(sweep: Sweep) -> SweepPage:
    """What a page shows of a sweep; `sweep-section.html` prints it as `swept`."""
    names = [name for name in CATALOGUE if any(point.value(name) is not None for point in sweep.points)]
    front = sweep.front
    return SweepPage(
        headline=headline(sweep),
        rule=sweep.suggestion.rule,
        cost=sweep.suggestion.cost,
        front=front_chart(sweep) if front.unavailable is None else None,
        front_missing=front.unavailable,
        left_out=[(described(sweep.points[number].settings), reason) for number, reason in front.left_out.items()],
        planes=[_plane(plane) for plane in slices(sweep)] if shown_metrics(sweep) else [],
        published=report_chart() if REPORT_AXIS in sweep.axes else None,
        axes=[symbol(name) for name in sweep.axes],
        columns=[CATALOGUE[name].title for name in names],
        rows=[_row(sweep, number, names) for number in range(len(sweep.points))],
        unavailable=[(CATALOGUE[name].label, reason) for name, reason in sweep.unavailable.items()],
    )


def write_sweep_page(sweep: Sweep, out: Path) -> Path:
    """Write the section as a page of its own; returns where it lies."""
    what = f"{sweep.suite.clips} clips of suite {sweep.suite.name} at each of {len(sweep.points)} points"
    values = {
        "title": "mova: sweep",
        "heading": HEADING,
        "checkpoint": sweep.checkpoint_id,
        "what": what,
        "swept": sweep_section(sweep),
    }
    page = out / PAGE_FILE
    write_text(page, render("sweep.html", values))
    return page


def sweep_sections(out: Path, checkpoint_id: str | None) -> list[Section]:
    """The sweep that lies beside an evaluation, as a section of its page; [] where there is none of its checkpoint.

    Args:
        out: folder of both.
        checkpoint_id: of the evaluation; None where its clips are nobody's.

    Raises:
        StaleError: it cannot be read.
    """
    if not (out / SWEEP_FILE).is_file():
        return []
    sweep, _ = read_manifest(out / SWEEP_FILE, Sweep)
    if sweep.checkpoint_id != checkpoint_id:
        return []
    return [Section("sweep", HEADING, render("sweep-section.html", {"swept": sweep_section(sweep)}))]


def headline(sweep: Sweep) -> str:
    """What is suggested, or why nothing is, in a sentence."""
    suggestion = sweep.suggestion
    if suggestion.unavailable is not None:
        return f"No defaults are suggested: {suggestion.unavailable}."
    return f"Suggested defaults: {suggestion.reason}."


def told(sweep: Sweep, page: Path) -> str:
    """The result as lines for a terminal."""
    return "\n".join([headline(sweep), *(f"  {each}" for each in sweep.suggestion.cost), f"page: {page}"])


def _plane(plane: Slice) -> Plane:
    names = [symbol(name) for name in (plane.x, plane.y) if name is not None]
    charts = []
    for name in shown_metrics(plane.sweep):
        charts.append(lines_chart(plane, name))
        if plane.y is not None:
            charts.append(heat_map(plane, name))
    return Plane(" and ".join(names), plane.told(), tuple(charts))


def _row(sweep: Sweep, number: int, names: Sequence[str]) -> PointRow:
    point = sweep.points[number]
    suggested = number == sweep.suggestion.point
    mark = "★ suggested" if suggested else "on the front" if number in sweep.front.points else ""
    cells = tuple(_cell(point, name) for name in names)
    settings = tuple(f"{point.settings[name]:g}" if name in point.settings else "off" for name in sweep.axes)
    return PointRow(settings, "verdict ok" if suggested else "", mark, point.passes, cells)


def _cell(point: SweptPoint, name: str) -> tuple[str, str] | None:
    metric = point.metrics.get(name)
    if metric is None or metric.value is None:
        return None
    difference = point.behind.get(name)
    worse = " ▽" if difference is not None and difference.worse else ""
    ends = "" if metric.low is None or metric.high is None else f"{metric.low:.3f} to {metric.high:.3f}"
    return f"{metric.value:.3f}{worse}", ends
