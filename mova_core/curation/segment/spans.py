"""Where in a source windows may lie: video and audio are both there, and nothing of either is lost."""

from collections.abc import Iterable
from math import ceil, floor
from typing import Any

from mova_core.curation.segment.intervals import Interval, merged, outside
from mova_core.curation.segment.windows import MICRO, TOLERANCE_US
from mova_core.errors import MediaError
from mova_core.geometry import ClipGeometry
from mova_core.media.lost import Lost

Seconds = tuple[float, float]


def losses(found: dict[str, Any]) -> list[Lost]:
    """What `segment_source` found lost, by start."""
    return sorted((Lost(**row) for row in found["lost"]), key=lambda lost: (lost.start_s, lost.end_s))


def whole_spans(found: dict[str, Any], geometry: ClipGeometry) -> list[Seconds]:
    """Intervals of a source in which both streams are whole, rising, in seconds; one where nothing is lost.

    Args:
        found: what `segment_source` found in it.
        geometry: of a clip.

    Raises:
        MediaError: none has room for a window; by the code and reason of the longest loss where that took it, else
            `too_short`, `video_too_short` or `audio_too_short`.
    """
    lost = losses(found)
    video, audio = ((found[name][0], found[name][1]) for name in ("video_s", "audio_s"))
    if not lost:
        return [common_span(video, audio, geometry)]
    common_span(_with_losses(video, "video", lost), _with_losses(audio, "audio", lost), geometry)
    shared = (round(max(video[0], audio[0]) * MICRO), round(min(video[1], audio[1]) * MICRO))
    spans = _between(lost, shared)
    if not any(_has_room(span, geometry) for span in spans):
        cause = max(lost, key=lambda one: one.end_s - one.start_s)
        raise MediaError(
            cause.code, f"{cause.reason}; what is left of the file has no room for {geometry.duration_s:.2f} s"
        )
    return [(start / MICRO, end / MICRO) for start, end in spans]


def common_span(video: Seconds, audio: Seconds, geometry: ClipGeometry) -> Seconds:
    """Where video and audio both exist, in seconds.

    Args:
        video: start of the first frame, end of the last one, in seconds.
        audio: start of the first sample, end of the last one, in seconds.

    Raises:
        MediaError: that is shorter than one window: `too_short`, `video_too_short` or `audio_too_short`.
    """
    shared = (max(video[0], audio[0]), min(video[1], audio[1]))
    needed = f"a window of {geometry.frames} frames at {geometry.fps} fps needs {geometry.duration_s:.4f} s"

    def has_room(interval: Seconds) -> bool:
        return _has_room((round(interval[0] * MICRO), round(interval[1] * MICRO)), geometry)

    video_s, audio_s, shared_s = (max(0.0, end_s - start_s) for start_s, end_s in (video, audio, shared))
    if not has_room(video) and not has_room(audio):
        raise MediaError("too_short", f"video lasts {video_s:.3f} s and audio {audio_s:.3f} s, {needed}")
    if not has_room(video):
        raise MediaError("video_too_short", f"video lasts {video_s:.3f} s, {needed}")
    if not has_room(shared):
        raise MediaError("audio_too_short", f"audio runs during only {shared_s:.3f} s of the video, {needed}")
    return shared


def _has_room(span: Interval, geometry: ClipGeometry) -> bool:
    return span[1] + TOLERANCE_US - span[0] >= geometry.duration * MICRO


def _with_losses(stream_s: Seconds, name: str, lost: Iterable[Lost]) -> Seconds:
    """From where to where a stream would run if it were whole."""
    ends = [stream_s, *((one.start_s, one.end_s) for one in lost if one.stream == name)]
    return min(start for start, _ in ends), max(end for _, end in ends)


def _between(lost: Iterable[Lost], shared: Interval) -> list[Interval]:
    """What of an interval is not lost."""
    taken = merged((floor(one.start_s * MICRO), ceil(one.end_s * MICRO)) for one in lost)
    spans = outside(taken, shared)
    # Windows may reach past a span's end by the tolerance: into a stream's last moment, never into a loss.
    kept = ((start, end if end == shared[1] else end - TOLERANCE_US) for start, end in spans)
    return [(start, end) for start, end in kept if start < end]
