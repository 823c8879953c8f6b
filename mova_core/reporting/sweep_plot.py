"""Sync against the Bridge guidance scale as an SVG: ours on the left, the MOVA report's Table 5 on the right.

The two are of other models, data and detectors, so they share no axis: what compares is how they bend.
Dark and light by the reader's setting; series also differ in the shape of their marks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

PLOT_FILE = "sweep.svg"  # in the folder of an evaluation

# MOVA report (arXiv:2602.08794), Table 5: s_T 5, 360p.
REPORT_SCALES = (1.0, 2.0, 3.0, 3.5, 4.0)
REPORT_DESYNC_S = (0.475, 0.421, 0.388, 0.351, 0.365)
REPORT_IB_SCORE = (0.286, 0.305, 0.312, 0.315, 0.316)

PANEL_WIDTH, PANEL_HEIGHT = 330, 150
MARGIN_LEFT, MARGIN_TOP, GAP_X, GAP_Y = 56, 48, 70, 66
MARK = 4.0
TICKS = 3
STYLE = """
text{font:12px sans-serif;fill:#222}.title{font-weight:600}.axis{stroke:#888;fill:none}.ours{stroke:#0b62a4;fill:none}
.ours-mark{fill:#0b62a4}.report{stroke:#b35900;fill:none}.report-mark{fill:#b35900}
.line{stroke:#666;stroke-dasharray:5 4}
@media (prefers-color-scheme:dark){text{fill:#ddd}.ours{stroke:#6bb6f2}.ours-mark{fill:#6bb6f2}.report{stroke:#f0a04b}
.report-mark{fill:#f0a04b}.line{stroke:#aaa}}
"""


@dataclass(frozen=True, slots=True)
class Point:
    """A value at a scale, with its interval where it has one."""

    scale: float
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    """One curve; `levels` are dashed lines by name. `style` is `ours` (round marks) or `report` (square ones)."""

    title: str
    style: str
    points: Sequence[Point]
    levels: Mapping[str, float]


def sweep_plot(
    entries: Sequence[Mapping[str, Any]], metrics: Mapping[str, Mapping[str, Any]], *, synthetic: bool
) -> str:
    """The plot.

    Args:
        entries: of `sweep`.
        metrics: of metrics.json, for the shuffled baseline and the data.
        synthetic: footage whose events are known; else AV-Align takes their place.
    """
    first, second = ("event_f1", "offset_s") if synthetic else ("av_align", None)
    titles = {
        "event_f1": "event F1 (higher is better)",
        "offset_s": "nearest offset, s (lower is better)",
        "av_align": "AV-Align (higher is better)",
    }
    ours = [_panel(titles[name], name, entries, metrics) for name in (first, second) if name]
    report = [
        Panel("DeSync, s (lower is better)", "report", _points(REPORT_DESYNC_S), {}),
        Panel("IB-Score (higher is better)", "report", _points(REPORT_IB_SCORE), {}),
    ]
    width = MARGIN_LEFT + 2 * PANEL_WIDTH + GAP_X + 20
    height = MARGIN_TOP + 2 * (PANEL_HEIGHT + GAP_Y)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        "<title>Sync of picture and sound against the Bridge guidance scale</title>",
        f"<style>{STYLE}</style>",
        f'<text x="{MARGIN_LEFT}" y="20" class="title">This model by s_B, text scale 1</text>',
        f'<text x="{MARGIN_LEFT + PANEL_WIDTH + GAP_X}" y="20" class="title">MOVA report, Table 5, by s_B, '
        "text scale 5</text>",
    ]
    for column, panels in enumerate((ours, report)):
        for row, panel in enumerate(panels):
            left, top = MARGIN_LEFT + column * (PANEL_WIDTH + GAP_X), MARGIN_TOP + row * (PANEL_HEIGHT + GAP_Y)
            parts.append(_drawn(panel, left, top))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(
    title: str, name: str, entries: Sequence[Mapping[str, Any]], metrics: Mapping[str, Mapping[str, Any]]
) -> Panel:
    points = [
        Point(entry["bridge_guidance_scale"], *(entry["metrics"][name][key] for key in ("value", "low", "high")))
        for entry in entries
        if entry["bridge"] and entry["metrics"][name]["value"] is not None
    ]
    off = next((entry["metrics"][name]["value"] for entry in entries if not entry["bridge"]), None)
    levels = {"Bridge off": off, "shuffled pairs": metrics[name]["shuffled"], "data": metrics[name]["data"]}
    return Panel(title, "ours", points, {key: value for key, value in levels.items() if value is not None})


def _points(values: Sequence[float]) -> list[Point]:
    return [Point(scale, value) for scale, value in zip(REPORT_SCALES, values, strict=True)]


def _drawn(panel: Panel, left: float, top: float) -> str:
    title = f'<text x="{left}" y="{top - 8}">{escape(panel.title)}</text>'
    box = f'<rect class="axis" x="{left}" y="{top}" width="{PANEL_WIDTH}" height="{PANEL_HEIGHT}"/>'
    if not panel.points:
        return f'{title}{box}<text x="{left + 12}" y="{top + 24}">unavailable: nothing to measure</text>'
    heights = [
        value for point in panel.points for value in (point.value, point.low, point.high) if value is not None
    ] + list(panel.levels.values())
    low, high = min(heights), max(heights)
    pad = 0.08 * ((high - low) or 1.0)
    low, high = low - pad, high + pad
    last = max(point.scale for point in panel.points) or 1.0

    def at_x(scale: float) -> float:
        return left + (0.04 + 0.92 * scale / last) * PANEL_WIDTH

    def at_y(value: float) -> float:
        return top + PANEL_HEIGHT * (high - value) / (high - low)

    parts = [title, box]
    for tick in range(TICKS):
        value = low + pad + (high - low - 2 * pad) * tick / (TICKS - 1)
        parts.append(f'<text x="{left - 6}" y="{at_y(value) + 4:.1f}" text-anchor="end">{value:.3f}</text>')
    taken: list[float] = []
    for name, value in sorted(panel.levels.items(), key=lambda level: -level[1]):
        y = at_y(value)
        parts.append(f'<path class="line" d="M{left} {y:.1f}h{PANEL_WIDTH}"/>')
        label_y = max([y - 3, *(other + 15 for other in taken)])  # labels of near lines do not overlap
        taken.append(label_y)
        parts.append(
            f'<text x="{left + PANEL_WIDTH - 4}" y="{label_y:.1f}" text-anchor="end">{escape(name)} {value:.2f}</text>'
        )
    line = " ".join(f"{at_x(point.scale):.1f},{at_y(point.value):.1f}" for point in panel.points)
    parts.append(f'<polyline class="{panel.style}" stroke-width="2" points="{line}"/>')
    for point in panel.points:
        x, y = at_x(point.scale), at_y(point.value)
        if point.low is not None and point.high is not None:
            parts.append(f'<path class="{panel.style}" d="M{x:.1f} {at_y(point.low):.1f}V{at_y(point.high):.1f}"/>')
        parts.append(_mark(panel.style, x, y))
        parts.append(f'<text x="{x:.1f}" y="{top + PANEL_HEIGHT + 16}" text-anchor="middle">{point.scale:g}</text>')
    return "\n".join(parts)


def _mark(style: str, x: float, y: float) -> str:
    if style == "ours":
        return f'<circle class="ours-mark" cx="{x:.1f}" cy="{y:.1f}" r="{MARK:g}"/>'
    return (
        f'<rect class="report-mark" x="{x - MARK:.1f}" y="{y - MARK:.1f}" width="{2 * MARK:g}" height="{2 * MARK:g}"/>'
    )
