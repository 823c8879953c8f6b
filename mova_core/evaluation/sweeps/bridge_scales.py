"""The suite at several Bridge guidance scales, at text scale 1, and once with the Bridge off in every pass.

The control is v(T,0), not scale 0: at scale 0 the three-term formula still contains v(T,B) - v(0,B).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mova_core.evaluation.catalogue import CATALOGUE, SWEPT
from mova_core.evaluation.measure import entry, over_clips
from mova_core.evaluation.measuring.context import Context
from mova_core.evaluation.measuring.ratio_metric import Ratio, RatioMetric, draw_clips, interval
from mova_core.evaluation.phase_inputs import PhaseInputs
from mova_core.evaluation.suites.generate import generate_suite
from mova_core.measures.clip import Clip
from mova_core.registry.manifests import Metric
from mova_core.sampling.clip_generator import ClipGenerator

TEXT_SCALE = 1.0


@dataclass(frozen=True, slots=True)
class SweepPoint:
    """The suite at one scale.

    Args:
        bridge_guidance_scale: None with the Bridge off.
        metrics: those that could be measured.
        draws: clips of each bootstrap sample, the same at every scale.
    """

    bridge_guidance_scale: float | None
    metrics: dict[str, RatioMetric]
    draws: NDArray[np.int64]

    def described(self) -> dict[str, Any]:
        """As it stands in metrics.json; a metric that could not be measured has null for its numbers."""
        return {
            "bridge_guidance_scale": self.bridge_guidance_scale,
            "bridge": self.bridge_guidance_scale is not None,
            "text_guidance_scale": TEXT_SCALE,
            "metrics": {name: self._level(name) for name in SWEPT},
        }

    def _level(self, name: str) -> dict[str, float | None]:
        if name not in self.metrics:
            return {"value": None, "low": None, "high": None}
        low, high = interval(self.metrics[name].resampled(self.draws))
        return {"value": self.metrics[name].value, "low": low, "high": high}


def sweep(
    generator: ClipGenerator, inputs: PhaseInputs, scales: Collection[float | None], label: str = "evaluate"
) -> list[SweepPoint]:
    """The suite at each of these scales, ascending; None is the Bridge off, which comes first."""
    section, suite = inputs.section, inputs.suite
    draws = draw_clips(len(suite.prompts), section.bootstrap_samples, section.seed)
    points = []
    for scale in sorted(scales, key=lambda scale: (scale is not None, scale or 0.0)):
        changes: dict[str, Any] = {"bridge": False} if scale is None else {"bridge_guidance_scale": scale}
        changes |= {"text_guidance_scale": TEXT_SCALE}
        at = f"{label}/bridge {'off' if scale is None else f'{scale:g}'}"
        clips = generate_suite(generator, suite, section, inputs.geometry, at, changes)
        points.append(SweepPoint(scale, _metrics(clips, inputs.context, inputs.unavailable), draws))
    return points


def sync_gain(points: Sequence[SweepPoint], bridge_scale: float) -> Metric:
    """Event F1 at the default Bridge scale less that with the Bridge off, clip by clip the same noise."""
    on, off = _with_and_without(points, bridge_scale)
    if on.value is None or off.value is None:
        return entry("sync_gain", unavailable="no event and no onset in any clip, with the Bridge or without")
    draws = points[0].draws
    ends = interval(on.resampled(draws) - off.resampled(draws))
    return entry("sync_gain", on.value - off.value, ends, 0.0)


def gains_of_clips(points: Sequence[SweepPoint], bridge_scale: float) -> list[tuple[Ratio, Ratio]]:
    """What each clip adds to event F1 with the Bridge and without it, of which `sync_gain` is the difference."""
    on, off = _with_and_without(points, bridge_scale)
    return list(zip(on.ratios(), off.ratios(), strict=True))


def _with_and_without(points: Sequence[SweepPoint], bridge_scale: float) -> tuple[RatioMetric, RatioMetric]:
    at = {point.bridge_guidance_scale: point.metrics["event_f1"] for point in points}
    return at[bridge_scale], at[None]


def _metrics(clips: list[Clip], context: Context, unavailable: Collection[str]) -> dict[str, RatioMetric]:
    return {name: over_clips(CATALOGUE[name], clips, context) for name in SWEPT if name not in unavailable}
