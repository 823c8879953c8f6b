"""Distributions of two versions of the data over each other, as numbers ready to draw: then an outline, now filled."""

import itertools
from collections import Counter
from dataclasses import dataclass

import numpy as np

from mova_core.curation.drift import Drift, compare
from mova_core.curation.tables import MEASURES
from mova_core.places import DataFolder
from mova_core.reporting.histogram import BINS

LABELS = {measure.name: measure.label for measure in MEASURES}

WORDS_SHOWN = 12  # of a distribution of words; the rarer ones are drawn as one


@dataclass(frozen=True, slots=True)
class DriftChart:
    """One distribution then and now, in the same bins.

    Args:
        label: what is distributed, for people.
        bins: what each bar holds: a range of numbers, or a word.
        then: share of the rows in each bin in the version before, 0..1.
        now: the same of the present version.
        ends: the lowest and the highest number; None for words.
        distance: see `Drift`.
        fault: what a person should look at, None where nothing drifted.
    """

    label: str
    bins: tuple[str, ...]
    then: tuple[float, ...]
    now: tuple[float, ...]
    ends: tuple[float, float] | None
    distance: float
    fault: str | None

    @property
    def tallest(self) -> float:
        """The largest share, which fills the height."""
        return max(*self.then, *self.now)


def drift_charts(then: DataFolder, now: DataFolder) -> tuple[DriftChart, ...]:
    """A chart of each distribution that both versions have, those that drifted first, then by distance.

    Raises:
        UsageError: a table is missing.
    """
    charts = [_chart(each) for each in compare(then, now) if each.distance is not None]
    return tuple(sorted(charts, key=lambda chart: (chart.fault is None, -chart.distance)))


def _chart(drift: Drift) -> DriftChart:
    assert drift.distance is not None
    label = LABELS.get(drift.name, drift.name.removesuffix("_s").replace("_", " "))
    if drift.kind == "numbers":
        both = np.concatenate([np.asarray(values, np.float64) for values in (drift.then, drift.now)])
        edges = np.histogram_bin_edges(both, BINS)
        bins = tuple(f"{low:.4g} to {high:.4g}" for low, high in itertools.pairwise(edges))
        then, now = (
            tuple(float(count) for count in np.histogram(np.asarray(values, np.float64), edges)[0] / len(values))
            for values in (drift.then, drift.now)
        )
        ends = float(both.min()), float(both.max())
        return DriftChart(label, bins, then, now, ends, drift.distance, drift.fault)
    counts = [Counter(map(str, values)) for values in (drift.then, drift.now)]
    common = [word for word, _ in sorted((counts[0] + counts[1]).items(), key=lambda each: (-each[1], each[0]))]
    shown = common[:WORDS_SHOWN]
    then, now = (tuple(count[word] / count.total() for word in shown) for count in counts)
    if len(common) > WORDS_SHOWN:
        shown = [*shown, f"{len(common) - WORDS_SHOWN} others"]
        then, now = ((*shares, max(0.0, 1 - sum(shares))) for shares in (then, now))
    return DriftChart(label, tuple(shown), then, now, None, drift.distance, drift.fault)
