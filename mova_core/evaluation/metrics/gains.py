"""Metrics that are differences of event F1: over its shuffled baseline, and over that with the Bridge off."""

from collections.abc import Sequence

from mova_core.evaluation.catalogue import CATALOGUE
from mova_core.evaluation.clip import Reference
from mova_core.evaluation.measure import entry, shuffled_baseline
from mova_core.evaluation.ratio_metric import interval
from mova_core.evaluation.sweep import SweepPoint
from mova_core.registry.manifests import Metric


def event_f1_over_shuffled(f1: Metric, reference: Reference) -> Metric:
    """Event F1 less its shuffled baseline, whose own baseline is 0."""
    name = "event_f1_over_shuffled"
    if f1.value is None or f1.shuffled is None:
        return entry(name, unavailable=f1.unavailable or "no class has two clips to pair wrongly")
    data, wrong = f1.data, shuffled_baseline(CATALOGUE["event_f1"], reference.clips, reference)
    beside = None if data is None or wrong is None else data - wrong
    if f1.low is None or f1.high is None:
        return entry(name, f1.value - f1.shuffled, shuffled=0.0, data=beside)
    return entry(name, f1.value - f1.shuffled, (f1.low - f1.shuffled, f1.high - f1.shuffled), 0.0, beside)


def sync_gain(points: Sequence[SweepPoint], bridge_scale: float) -> Metric:
    """Event F1 at the default Bridge scale less that with the Bridge off, clip by clip the same noise."""
    name = "sync_gain"
    with_bridge = next((each for each in points if each.bridge_guidance_scale == bridge_scale), None)
    without = next((each for each in points if each.bridge_guidance_scale is None), None)
    if with_bridge is None or without is None:
        return entry(name, unavailable="no sweep was made")
    on, off = with_bridge.metrics["event_f1"], without.metrics["event_f1"]
    if on.value is None or off.value is None:
        return entry(name, unavailable="no event and no onset in any clip, with the Bridge or without")
    ends = interval(on.resampled(with_bridge.draws) - off.resampled(without.draws))
    return entry(name, on.value - off.value, ends, 0.0)
