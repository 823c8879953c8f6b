"""Measure one stored clip: what is always measured, the groups that the run takes, and the models it has weights for.

Heavy imports stand inside the group that needs them, so a run without it does not pay for it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

from mova_core.curation.assess.measure_groups import Measuring
from mova_core.curation.cut.shards import read_member
from mova_core.curation.tables import measures_of
from mova_core.errors import MediaError, StaleError
from mova_core.measures import audio, video
from mova_core.measures.clip import Clip, Measures, Unavailable
from mova_core.measures.models.table import ConfiguredModel, loaded
from mova_core.media.audio.loudness import integrated_lufs
from mova_core.params import MeasureGroup

Row = dict[str, Any]

STALE_CLIP = "stale_clip"


@dataclass(frozen=True, slots=True)
class Task:
    """Clips that one worker measures at once: rows of table `clips`, each with its `speech_share`, under `folder`."""

    folder: Path
    clips: tuple[Row, ...]
    measuring: Measuring = field(default_factory=Measuring)


def measure_clips(task: Task) -> list[Row]:
    """What the row of each clip in table `verdicts` holds of measures.

    Raises:
        MediaError: a clip cannot be decoded, or (`stale_clip`) is not the one that the table names.
    """
    try:
        return [measure_clip(read_member(task.folder, clip), clip, task.measuring) for clip in task.clips]
    except StaleError as error:
        raise MediaError(STALE_CLIP, str(error)) from None


def measure_clip(encoded: bytes, row: Row, measuring: Measuring) -> Row:
    """Measures of one stored clip; where one is null for a reason of this clip, `unavailable` tells it.

    Raises:
        MediaError: it cannot be decoded.
    """
    clip = Clip.read(encoded, row)
    measures: dict[str, float | Unavailable | None] = {**_always(clip)}
    for group in measuring.groups:
        measures |= MEASURED_BY_GROUP[group](clip)
    for model in measuring.models:
        measures |= _by_model(model, clip)
    reasons = {name: value.reason for name, value in measures.items() if isinstance(value, Unavailable)}
    measured: Row = {name: None if name in reasons else value for name, value in measures.items()}
    if (share := measured.get("subtitle_share")) is not None:
        measured["has_subtitles"] = share > 0
    return measured | ({"unavailable": reasons} if reasons else {})


def _by_model(model: ConfiguredModel, clip: Clip) -> dict[str, float | Unavailable | None]:
    """The columns of a model that is asked once; an answer that is no number is unavailable."""
    found = loaded(model)(clip)
    answers = {name: found[name] for name in measures_of(model.name)}
    return {
        name: Unavailable("its value is no number") if isinstance(value, float) and not isfinite(value) else value
        for name, value in answers.items()
    }


def _always(clip: Clip) -> Measures:
    grid = video.cells(clip.gray)
    return {
        "silence_ratio": audio.silence_ratio(clip.audio, clip.rate_hz),
        "bandwidth_hz": audio.bandwidth_hz(clip.audio, clip.rate_hz),
        "lufs": integrated_lufs(clip.audio, clip.rate_hz),
        "clipped_share": audio.clipped_share(clip.audio),
        "black_share": video.black_share(clip.gray),
        "frozen_share": video.frozen_share(grid),
        "motion": video.motion(grid),
        "noise_sd": video.noise_sd(clip.gray),
    }


def _loudness(clip: Clip) -> Measures:
    from mova_core.measures.ffmpeg_meters import loudness_range_lu

    return {
        "loudness_range_lu": loudness_range_lu(clip.audio, clip.rate_hz),
        "clipping_runs_hz": audio.clipping_runs_hz(clip.audio, clip.rate_hz),
    }


def _look(clip: Clip) -> Measures:
    from mova_core.measures.ffmpeg_meters import blur_and_blocking

    return {"brightness": video.brightness(clip.gray), **blur_and_blocking(clip.gray)}


def _flow(clip: Clip) -> Measures:
    from mova_core.measures.optical_flow import flow_speed

    return {"flow_speed": flow_speed(clip.flow)}


def _sync(clip: Clip) -> Measures:
    from mova_core.measures.sync import av_align, onset_lag_s

    return {"av_align": av_align(clip, clip), "onset_lag_s": onset_lag_s(clip, clip)}


def _speech(clip: Clip) -> Measures:
    from mova_core.measures.speech_quality import dnsmos

    return dnsmos(clip.audio, clip.rate_hz, clip.speech_share)


def _text(clip: Clip) -> Measures:
    from mova_core.measures.on_screen_text import text_measures

    return text_measures(clip.frames, clip.fps)


MEASURED_BY_GROUP: dict[MeasureGroup, Callable[[Clip], Measures]] = {
    "loudness": _loudness,
    "look": _look,
    "flow": _flow,
    "sync": _sync,
    "speech": _speech,
    "text": _text,
}
