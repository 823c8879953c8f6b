"""Charts of the distributions of two versions of the data: the former as an outline, the present one filled."""

import itertools
from collections import Counter
from dataclasses import dataclass

import numpy as np

from mova_core.curation.drift import Drift, compare
from mova_core.curation.tables import MEASURES
from mova_core.places import DataFolder
from mova_core.reporting.charts.histogram import BINS
from mova_core.reporting.charts.style import INK, KEEP, LOSE, bare_axes, new_figure, styled, to_svg, tooltip

LABELS = {measure.name: measure.label for measure in MEASURES}
WORDS_SHOWN = 12  # of a distribution of words; the rarer ones are drawn as one


@dataclass(frozen=True, slots=True)
class DriftChart:
    """One distribution in two versions.

    Args:
        label: what is distributed, for people.
        svg: the chart; filled: now, outline: then.
        ends: the lowest and the highest number; () for words, which the chart names.
        caption: the distance between the two in words; what a person should look at where it drifted.
        drifted: whether it did.
    """

    label: str
    svg: str
    ends: tuple[str, ...]
    caption: str
    drifted: bool


@dataclass(frozen=True, slots=True)
class Shares:
    """Share of the rows in each bin (a range of numbers, or a word), in the version before and now."""

    bins: tuple[str, ...]
    then: tuple[float, ...]
    now: tuple[float, ...]


def drift_charts(then: DataFolder, now: DataFolder) -> tuple[DriftChart, ...]:
    """A chart of each distribution that both versions have, those that drifted first, then by distance.

    Raises:
        UsageError: a table is missing.
    """
    found = [each for each in compare(then, now) if each.distance is not None]
    return tuple(_chart(each) for each in sorted(found, key=lambda each: (each.fault is None, -(each.distance or 0))))


def shares_of(drift: Drift) -> Shares:
    """Both versions in the same bins; of words the commonest, the rest as one."""
    if drift.kind == "numbers":
        both = np.concatenate([np.asarray(values, np.float64) for values in (drift.then, drift.now)])
        edges = np.histogram_bin_edges(both, BINS)
        bins = tuple(f"{low:.4g} to {high:.4g}" for low, high in itertools.pairwise(edges))
        then, now = (
            tuple(float(count) for count in np.histogram(np.asarray(values, np.float64), edges)[0] / len(values))
            for values in (drift.then, drift.now)
        )
        return Shares(bins, then, now)
    counts = [Counter(map(str, values)) for values in (drift.then, drift.now)]
    common = [word for word, _ in sorted((counts[0] + counts[1]).items(), key=lambda each: (-each[1], each[0]))]
    shown = common[:WORDS_SHOWN]
    then, now = (tuple(count[word] / count.total() for word in shown) for count in counts)
    if len(common) > WORDS_SHOWN:
        shown = [*shown, f"{len(common) - WORDS_SHOWN} others"]
        then, now = ((*shares, max(0.0, 1 - sum(shares))) for shares in (then, now))
    return Shares(tuple(shown), then, now)


def _chart(drift: Drift) -> DriftChart:
    shares, words = shares_of(drift), drift.kind != "numbers"
    label = LABELS.get(drift.name, drift.name.removesuffix("_s").replace("_", " "))
    caption = f"drifted: {drift.fault}" if drift.fault else f"distance {drift.distance:.3f}"
    numbers = () if words else (*drift.then, *drift.now)
    ends = (f"{min(numbers):.4g}", f"{max(numbers):.4g}") if numbers else ()
    return DriftChart(label, _drawn(label, shares, words, bool(drift.fault)), ends, caption, bool(drift.fault))


def _drawn(label: str, shares: Shares, words: bool, drifted: bool) -> str:
    places, width, colour = range(len(shares.bins)), 0.88, LOSE if drifted else KEEP
    with styled():
        if words:
            figure = new_figure(240, 16 + 18 * len(shares.bins))
            axes = figure.add_subplot(xticks=[])
            axes.spines[:].set_visible(False)
            axes.set_yticks(places, [name.replace("_", " ") for name in shares.bins])
            axes.tick_params(length=0)
            axes.invert_yaxis()
        else:
            figure, axes = bare_axes(240, 88)
            axes.set(xlim=(-0.5, len(shares.bins) - 0.5), ylim=(0, 1.04 * max(*shares.then, *shares.now)))
        draw = axes.barh if words else axes.bar
        draw(places, shares.now, width, color=colour)
        outlines = draw(places, shares.then, width, facecolor="none", edgecolor=INK, linewidth=1)
        for outline, name, then, now in zip(outlines, shares.bins, shares.then, shares.now, strict=True):
            tooltip(outline, f"{name}: {then:.1%} then, {now:.1%} now")
    return to_svg(figure, f"{label}, then and now")
