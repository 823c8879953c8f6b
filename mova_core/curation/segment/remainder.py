"""What of a source lies in no window, and why: these intervals and its windows fill the file from start to end."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

from mova_core.curation.segment.intervals import occupied, outside
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
    video, audio = (tuple(round(time_s * MICRO) for time_s in found[name]) for name in ("video_s", "audio_s"))
    taken = occupied((round(row["start_s"] * MICRO) for row in windows), geometry.duration * MICRO)
    for gap in outside(taken, (0, round(duration_s * MICRO))):
        inside = sorted({time for time in (*video, *audio) if gap[0] < time < gap[1]})
        for start, end in pairwise((gap[0], *inside, gap[1])):
            has_video, has_audio = (stream[0] <= start and end <= stream[1] for stream in (video, audio))
            length_s = (end - start) / MICRO
            code, reason = ONE_STREAM.get((has_video, has_audio)) or (
                "shorter_than_window",
                f"{length_s:.3f} s beside its windows is less than another one of {geometry.duration_s:.2f} s needs",
            )
            yield {"start_s": start / MICRO, "end_s": end / MICRO, "reason_code": code, "reason": reason}
