"""How far the distributions of one version of the data lie from those of a version before it.

Numbers: the two-sample Kolmogorov-Smirnov distance, the largest gap between the two cumulative distributions.
Categories: total variation, half the sum of the differences of shares; its p value is that of the chi-squared test.
Both distances are 0 (the same) to 1 (nothing in common). Clips of one file resemble each other, so p values are too
small: a distribution counts as another only where it is far away and beyond chance.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from mova_core.curation.tables import MEASURE_NAMES, read_table
from mova_core.places import DataFolder

FAR = 0.1  # a tenth of the rows lies elsewhere
BEYOND_CHANCE = 0.001  # of p, for some fifteen distributions at once

Values = Sequence[float] | Sequence[str]
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Drift:
    """One distribution then and now.

    Args:
        name: what is distributed, such as `lufs`.
        kind: numbers (Kolmogorov-Smirnov) or categories (total variation).
        then: values of the version before; empty where it was not measured.
        now: values of the present version.
        distance: 0..1; None where one of them has no value.
        p_value: of the hypothesis that both are drawn from one distribution.
    """

    name: str
    kind: Literal["numbers", "categories"]
    then: Values
    now: Values
    distance: float | None
    p_value: float | None

    @property
    def fault(self) -> str | None:
        """What a person should look at; None where nothing drifted, or it was never measured."""
        if self.distance is None or self.p_value is None:
            return f"{len(self.then)} values then, {len(self.now)} now" if len(self.then) else None
        if self.distance <= FAR or self.p_value >= BEYOND_CHANCE:
            return None
        measure = "D" if self.kind == "numbers" else "TV"
        return f"{measure} {self.distance:.3f}, p {self.p_value:.1g} ({len(self.then)} then, {len(self.now)} now)"


def compare(then: DataFolder, now: DataFolder) -> tuple[Drift, ...]:
    """Durations of files, measures of clips, kinds of windows, orientations, reasons and retention, in a fixed order.

    Raises:
        UsageError: a table is missing.
    """
    before, after = _distributions(then), _distributions(now)
    return tuple(compare_values(name, before[name], after[name]) for name in after)


def compare_values(name: str, then: Values, now: Values) -> Drift:
    """Numbers by Kolmogorov-Smirnov, words by total variation."""
    from scipy import stats  # two seconds, and most reports have no version before to compare with

    kind: Literal["numbers", "categories"] = (
        "categories" if any(isinstance(value, str) for value in (*then[:1], *now[:1])) else "numbers"
    )
    if not len(then) or not len(now):
        return Drift(name, kind, then, now, None, None)
    if kind == "numbers":
        method = "exact" if len(then) == len(now) == 1 else "asymp"  # the limit of large samples has none for one pair
        result = stats.ks_2samp(np.asarray(then, np.float64), np.asarray(now, np.float64), method=method)
        return Drift(name, kind, then, now, float(result.statistic), float(result.pvalue))
    counts_then, counts_now = Counter(map(str, then)), Counter(map(str, now))
    names = sorted({*counts_then, *counts_now})
    counts = np.array([[counts[each] for each in names] for counts in (counts_then, counts_now)], np.float64)
    shares = counts / counts.sum(axis=1, keepdims=True)
    distance = float(np.abs(shares[0] - shares[1]).sum() / 2)
    p_value = 1.0 if len(names) == 1 else float(stats.chi2_contingency(counts, correction=False).pvalue)
    return Drift(name, kind, then, now, distance, p_value)


def _distributions(data: DataFolder) -> dict[str, Values]:
    sources = [row for row in read_table(data.table("sources"), "sources") if row["verdict"] == "accepted"]
    windows = read_table(data.table("windows"), "windows")
    clips = read_table(data.table("clips"), "clips")
    verdicts = read_table(data.table("verdicts"), "verdicts")
    return {
        "file_duration_s": _stated(sources, "duration_s"),
        "window_kind": _stated(windows, "kind"),
        "orientation": _stated(clips, "orientation"),
        **{measure: _stated(verdicts, measure) for measure in MEASURE_NAMES},
        "retention": _stated(verdicts, "verdict"),
        "reason": [next(iter(row["rejections"])) for row in verdicts if row["rejections"]],
    }


def _stated(rows: Sequence[Row], column: str) -> list[Any]:
    return [row[column] for row in rows if row[column] is not None]
