"""The common style of all charts: matplotlib draws them, the page's style sheet colours them.

Charts are SVG with text as text. Colours are CSS variables (`colours.css`, part of every page's style), so one drawing
serves dark and light; the two data colours differ for colour-blind readers, and series also differ in marks or lines.
The same numbers give the same bytes.
"""

import io
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = (files("mova_core.reporting.charts") / "colours.css").read_text(encoding="utf-8")
# matplotlib takes no CSS variables: these stand for them while drawing.
INK, SOFT, LINE, CARD, KEEP, LOSE = "#000001", "#000002", "#000003", "#000004", "#000005", "#000006"
VARIABLES = {INK: "--ink", SOFT: "--soft", LINE: "--line", CARD: "--card", KEEP: "--keep", LOSE: "--lose"}
POINTS_PER_INCH = 72
SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
SETTINGS: Any = {
    "figure.constrained_layout.h_pad": 0.06,
    "svg.fonttype": "none",
    "font.size": 9,
    "text.color": SOFT,
    "axes.labelcolor": SOFT,
    "axes.edgecolor": LINE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": SOFT,
    "ytick.labelcolor": SOFT,
    "grid.color": LINE,
    "grid.linestyle": ":",
    "lines.linewidth": 1.5,
    "legend.frameon": False,
}


def new_figure(width_px: float, height_px: float) -> "Figure":
    """An empty figure, so many CSS pixels wide and high where it is shown at its own size; axes find their own room."""
    from matplotlib.figure import Figure

    return Figure((width_px / POINTS_PER_INCH, height_px / POINTS_PER_INCH), layout="constrained")


def bare_axes(width_px: float, height_px: float, left_px: float = 0, right_px: float = 0) -> "tuple[Figure, Axes]":
    """A figure filled by axes without ticks and frame, but for room to the left and to the right."""
    from matplotlib.figure import Figure

    figure = Figure((width_px / POINTS_PER_INCH, height_px / POINTS_PER_INCH))
    axes = figure.add_axes((left_px / width_px, 0, (width_px - left_px - right_px) / width_px, 1))
    axes.set_axis_off()
    return figure, axes


def styled() -> Any:
    """Context in which axes are added and drawn on."""
    from matplotlib import rc_context

    return rc_context(SETTINGS)


def tooltip(artist: Any, text: str) -> None:
    """Show text where the pointer rests on a drawn thing."""
    artist.set_gid(f"tooltip:{text}")


def css_class(artist: Any, name: str) -> None:
    """Give a drawn thing a CSS class, for the page's script or a test."""
    artist.set_gid(f"class:{name}")


def to_svg(figure: "Figure", label: str, *, classes: str = "", attributes: Mapping[str, str] | None = None) -> str:
    """The figure as an SVG element to put into a page.

    Args:
        figure: drawn inside `styled()`.
        label: what it shows, for who cannot see it.
        classes: CSS classes besides `chart`.
        attributes: others of the element.
    """
    from matplotlib import rc_context

    drawn = io.StringIO()
    with rc_context({**SETTINGS, "svg.hashsalt": label}):
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(drawn, format="svg", transparent=True, metadata=nothing)
    ElementTree.register_namespace("", SVG)
    ElementTree.register_namespace("xlink", XLINK)
    root = ElementTree.fromstring(drawn.getvalue())
    for name in ("width", "height", "version"):
        del root.attrib[name]
    root.attrib |= {"class": f"chart {classes}".strip(), "role": "img", "aria-label": label, **(attributes or {})}
    _clean(root)
    text = ElementTree.tostring(root, encoding="unicode")
    for colour, variable in VARIABLES.items():
        text = text.replace(colour, f"var({variable})")
    return re.sub(r"\s*\n\s*", " ", text)


def as_file(svg: str) -> str:
    """The same as a file of its own, which follows its reader's dark or light."""
    head, _, rest = svg.partition(">")
    return f"{head}><style>{COLOURS}</style>{rest}\n"


def _clean(root: ElementTree.Element) -> None:
    """Ids become tooltips and classes or go, unless something refers to them; the figure's own styles go."""
    text = ElementTree.tostring(root, encoding="unicode")
    used = set(re.findall(r'"#([^"]+)"', text)) | set(re.findall(r"url\(#([^)]+)\)", text))
    for element in root.iter():
        for child in list(element):
            if child.tag == f"{{{SVG}}}style" or child.tag.endswith("metadata"):
                element.remove(child)
        kind, _, value = element.attrib.get("id", "").partition(":")
        if kind == "tooltip":
            title = ElementTree.Element(f"{{{SVG}}}title")
            title.text = value
            element.insert(0, title)
        elif kind == "class":
            element.attrib["class"] = value
        if element.attrib.get("id") not in used:
            element.attrib.pop("id", None)
        if "style" in element.attrib:
            element.attrib["style"] = re.sub(r"font-family:[^;]*(;|$)", "", element.attrib["style"])
