"""Whether the clips that were written as files can be read again."""

from collections.abc import Sequence
from pathlib import Path

from mova_core.errors import MediaError
from mova_core.evaluation.measure import entry
from mova_core.evaluation.measuring.ratio_metric import RatioMetric, draw_clips, interval
from mova_core.geometry import ClipGeometry
from mova_core.media.decode import Frame, decode_whole
from mova_core.params.evaluation import EvaluateParams
from mova_core.registry.manifests import Metric


def decodable_share(paths: Sequence[Path], geometry: ClipGeometry, section: EvaluateParams) -> Metric:
    """Share of the files that decode to as many frames as there should be, with audio."""
    if not paths:
        return entry("decodable_share", unavailable="no clip was written (evaluate.samples is 0)")
    metric = RatioMetric.of([(float(_decodes(path, geometry)), 1.0) for path in paths])
    ends = interval(metric.resampled(draw_clips(len(paths), section.bootstrap_samples, section.seed)))
    return entry("decodable_share", metric.value, ends)


def _decodes(path: Path, geometry: ClipGeometry) -> bool:
    try:
        pieces = list(decode_whole(path, audio_rate_hz=geometry.audio_rate_hz))
    except MediaError:
        return False
    frames = sum(isinstance(piece, Frame) for piece in pieces)
    return frames == geometry.frames and frames < len(pieces)
