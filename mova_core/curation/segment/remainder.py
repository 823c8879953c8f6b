"""What of a source lies in no window, and why: these intervals and its windows fill the file from start to end."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

from mova_core.curation.segment.intervals import occupied, outside
from mova_core.curation.segment.spans import losses
from mova_core.curation.segment.windows import MICRO
from mova_core.geometry import ClipGeometry

ONE_STREAM = {  # by whether there is video and whether there is audio
    (True, False): ("video_alone", "there is no audio beside this part of the video"),
    (False, True): ("audio_alone", "there is no video beside this part of the audio"),
    (False, False): ("neither_stream", "neither video nor audio is there, though the file says that it lasts so long"),
}


def remainder(
    found: dict[str, Any], windows: Iterable[dict[str, Any]], geometry: ClipGeometry, duration_s: float
) -> Iterator[dict[str, Any]]:
    """Intervals of a source outside all its windows: `start_s`, `end_s`, `reason_code`, `reason`, rising.

    Args:
        found: what `segment_source` found in it.
        windows: its rows of table `windows`.
        geometry: of a clip.
        duration_s: how long table `sources` says that it lasts.
    """
    return _joined(_pieces(found, windows, geometry, duration_s))


def _pieces(
    found: dict[str, Any], windows: Iterable[dict[str, Any]], geometry: ClipGeometry, duration_s: float
) -> Iterator[dict[str, Any]]:
    video, audio = (tuple(round(time_s * MICRO) for time_s in found[name]) for name in ("video_s", "audio_s"))
    taken = occupied((round(row["start_s"] * MICRO) for row in windows), geometry.duration * MICRO)
    lost = [(round(one.start_s * MICRO), round(one.end_s * MICRO), one) for one in losses(found)]
    edges = {*video, *audio, *(edge for start, end, _ in lost for edge in (start, end))}
    for gap in outside(taken, (0, round(duration_s * MICRO))):
        inside = sorted(time for time in edges if gap[0] < time < gap[1])
        for start, end in pairwise((gap[0], *inside, gap[1])):
            cause = next((one for lost_from, lost_to, one in lost if lost_from <= start and end <= lost_to), None)
            if cause is not None:
                code, reason = cause.code, cause.reason
            else:
                has_video, has_audio = (stream[0] <= start and end <= stream[1] for stream in (video, audio))
                code, reason = ONE_STREAM.get((has_video, has_audio)) or _too_short((end - start) / MICRO, geometry)
            yield {"start_s": start / MICRO, "end_s": end / MICRO, "reason_code": code, "reason": reason}


def _joined(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Rows in order, those of one loss that follow each other as one."""
    last: dict[str, Any] | None = None
    for row in rows:
        if last is not None and last["end_s"] == row["start_s"] and last["reason"] == row["reason"]:
            last |= {"end_s": row["end_s"]}
            continue
        if last is not None:
            yield last
        last = row
    if last is not None:
        yield last


def _too_short(length_s: float, geometry: ClipGeometry) -> tuple[str, str]:
    needed = f"less than another one of {geometry.duration_s:.2f} s needs"
    return "shorter_than_window", f"{length_s:.3f} s beside its windows is {needed}"
