"""Which limits of params.yaml (section assess) a clip's measures do not hold."""

from collections.abc import Mapping

from mova_core.curation.columns import Measure
from mova_core.curation.tables import EITHER, LIMITED
from mova_core.params import AssessParams


def rejections(measures: Mapping[str, float | None], limits: AssessParams) -> dict[str, str]:
    """Measure -> sentence, for each limit that does not hold, in the order of the table; the first is the reason."""
    broken = {}
    for measure in LIMITED:
        if (sentence := _broken(measure, measures, limits)) is not None:
            broken[measure.name] = sentence
    known = [measure for measure in EITHER if measures.get(measure.name) is not None]
    sentences = [_broken(measure, measures, limits) for measure in known]
    if known and None not in sentences:
        together = " and ".join(str(sentence) for sentence in sentences)
        broken |= {measure.name: together for measure in known}
    return broken


def _broken(measure: Measure, measures: Mapping[str, float | None], limits: AssessParams) -> str | None:
    """The sentence of a limit that does not hold; None where it holds or the measure is null."""
    value = measures.get(measure.name)
    if value is None or measure.limit is None:
        return None
    limit: float = getattr(limits, measure.limit_name)
    holds = {
        "below": value < limit,
        "above": value > limit,
        "at_least": value >= limit,
        "at_most": value <= limit,
    }[measure.limit]
    return None if holds else f"{measure.name} {value:.4g} is not {measure.limit.replace('_', ' ')} {limit:g}"
