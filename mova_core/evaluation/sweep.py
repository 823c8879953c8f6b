"""The suite at several Bridge guidance scales, at text scale 1, and once with the Bridge off in every forward.

The control is v(T,0): at scale 0 the three-term formula still has v(T,B) - v(0,B) in it, so 0 is no control.
"""

from typing import Any

from mova_core.evaluation.metrics import CLASS_METRICS, EVENT_METRICS, class_metrics, measure, sync_metrics
from mova_core.evaluation.ratio_metric import draw_clips, interval
from mova_core.evaluation.suite import Suite, generate_suite
from mova_core.geometry import ClipGeometry
from mova_core.params.model import EvaluateParams
from mova_core.sampling.pipeline import MovaPipeline

TEXT_SCALE = 1.0
MEASURES = (*EVENT_METRICS, "av_align", *CLASS_METRICS)


def sweep(
    pipeline: MovaPipeline, suite: Suite, section: EvaluateParams, geometry: ClipGeometry
) -> list[dict[str, Any]]:
    """Measures at each scale, the Bridge off first.

    Returns:
        An entry each: `bridge_guidance_scale` (None with the Bridge off), `bridge`, `text_guidance_scale`, and every
        measure with `value`, `low`, `high`; None where it cannot be measured. `draws` are the resampled event F1.
    """
    scales = sorted({*section.sweep, pipeline.defaults.bridge_guidance_scale})
    draws = draw_clips(len(suite.prompts), section.bootstrap_samples, section.seed)
    entries = []
    for scale in (None, *scales):
        changes: dict[str, Any] = {"bridge": False} if scale is None else {"bridge_guidance_scale": scale}
        label = "sweep/off" if scale is None else f"sweep/{scale:g}"
        clips = generate_suite(pipeline, suite, section, label, {"text_guidance_scale": TEXT_SCALE, **changes})
        seen = [measure(clip, geometry) for clip in clips]
        metrics = sync_metrics([(clip, clip) for clip in seen], geometry, made=suite.made)
        if suite.made:
            metrics |= class_metrics(seen)
        entry: dict[str, Any] = {
            "bridge_guidance_scale": scale,
            "bridge": scale is not None,
            "text_guidance_scale": TEXT_SCALE,
        }
        for name in MEASURES:
            entry[name] = {"value": None, "low": None, "high": None}
            if name in metrics:
                low, high = interval(metrics[name].resampled(draws))
                entry[name] = {"value": metrics[name].value, "low": low, "high": high}
        if suite.made:
            entry["draws"] = metrics["event_f1"].resampled(draws)
        entries.append(entry)
    return entries
