"""The measures of a set of clips, each a `Tally`, with what wrongly paired clips would score (chance).

    event_f1, offset_s, desync_s   see `events.py`; synthetic world only
    event_f1_margin                event_f1 over its own chance
    av_align                       IoU of sound onsets and peaks of the picture's change, within one frame; any footage
    picture_class, sound_class     share of clips whose measured class is the prompt's; synthetic world only
    loudness_error_lu, rms_error_db   distance from the mean of validation clips
    audible_share                  share of clips with a loudness above the limit of section `assess`
Chance pairs the picture of a clip with the sound of another of its class, or its class with another clip's prompt.
What cannot be measured is absent, never 0.
Source of AV-Align: arXiv:2309.16429, section 4; its optical flow is here the mean change of luminance.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mova_core.evaluation.classes import heard_class, seen_class
from mova_core.evaluation.events import (
    LUMA,
    Curve,
    desync,
    floor_rise,
    matches,
    picture_events,
    sound_onsets,
    sound_rise,
)
from mova_core.evaluation.suite import SeenClip
from mova_core.evaluation.tally import Tally
from mova_core.geometry import ClipGeometry
from mova_core.media.loudness import integrated_lufs

SHUFFLES = 7  # wrong partners of each clip within its class
EVENT_METRICS = ("event_f1", "offset_s", "desync_s")
CLASS_METRICS = ("picture_class", "sound_class")
LOWER_IS_BETTER = ("offset_s", "desync_s", "loudness_error_lu", "rms_error_db", "validation_loss")


@dataclass(frozen=True, slots=True)
class Measured:
    """What is seen and heard in one clip; times in seconds, loudness None where there is none."""

    events: list[float]
    onsets: list[float]
    peaks: list[float]
    floor: Curve
    rise: Curve
    seen: str | None
    heard: str | None
    lufs: float | None
    rms_db: float | None
    label: str | None


def measure(clip: SeenClip, geometry: ClipGeometry) -> Measured:
    """Everything that is measured of one clip alone."""
    fps, rate_hz = float(geometry.fps), geometry.audio_rate_hz
    rms = float(np.sqrt(np.mean(clip.audio.astype(np.float64) ** 2)))
    return Measured(
        events=picture_events(clip.frames, fps),
        onsets=sound_onsets(clip.audio, rate_hz),
        peaks=picture_peaks(clip, fps),
        floor=floor_rise(clip.frames),
        rise=sound_rise(clip.audio, rate_hz),
        seen=seen_class(clip.frames),
        heard=heard_class(clip.audio, rate_hz),
        lufs=integrated_lufs(clip.audio, rate_hz),
        rms_db=20 * float(np.log10(rms)) if rms > 0 else None,
        label=clip.label,
    )


def picture_peaks(clip: SeenClip, fps: float) -> list[float]:
    """Times at which the picture changes more than in the frames beside and than on average, rising."""
    luma = clip.frames.astype(np.float32) @ np.asarray(LUMA, np.float32)
    change = np.abs(np.diff(luma, axis=0)).mean(axis=(1, 2), dtype=np.float64)
    inner = change[1:-1]
    found = np.flatnonzero((inner > change[:-2]) & (inner >= change[2:]) & (inner > change.mean()))
    return [(int(index) + 1.5) / fps for index in found]  # change k leads to frame k + 1, half a frame before it


def sync_tallies(pairs: Sequence[tuple[Measured, Measured]], geometry: ClipGeometry, *, made: bool) -> dict[str, Tally]:
    """Measures of how well the picture of the first of each pair agrees with the sound of the second."""
    fps = float(geometry.fps)
    tallies = {"av_align": Tally.mean([_iou(seen.peaks, heard.onsets, 1 / fps) for seen, heard in pairs])}
    if not made:
        return tallies
    offsets = [
        [min(abs(onset - event) for onset in heard.onsets) for event in seen.events] if heard.onsets else []
        for seen, heard in pairs
    ]
    lags = [desync(seen.floor, fps, heard.rise) for seen, heard in pairs]
    return tallies | {
        "event_f1": Tally(
            np.array([2.0 * matches(seen.events, heard.onsets, 1 / fps) for seen, heard in pairs]),
            np.array([float(len(seen.events) + len(heard.onsets)) for seen, heard in pairs]),
        ),
        "offset_s": Tally(
            np.array([float(sum(each)) for each in offsets]), np.array([float(len(each)) for each in offsets])
        ),
        "desync_s": Tally.mean([None if lag is None else abs(lag) for lag in lags]),
    }


def class_tallies(clips: Sequence[Measured]) -> dict[str, Tally]:
    """Agreement of the measured classes with the label; a clip of no recognisable class disagrees."""
    return {
        "picture_class": Tally.mean([float(clip.seen == clip.label) for clip in clips]),
        "sound_class": Tally.mean([float(clip.heard == clip.label) for clip in clips]),
    }


def loudness_tallies(
    clips: Sequence[Measured], reference: Sequence[Measured], audible_above_lufs: float
) -> dict[str, Tally]:
    """Loudness of clips against the mean of reference clips; without any, only what is audible."""
    audible = [clip.lufs is not None and clip.lufs > audible_above_lufs for clip in clips]
    tallies = {"audible_share": Tally.mean([float(each) for each in audible])}
    for name, key in (("loudness_error_lu", "lufs"), ("rms_error_db", "rms_db")):
        known = [value for clip in reference if (value := getattr(clip, key)) is not None]
        if known:
            middle = float(np.mean(known))
            values = [getattr(clip, key) for clip in clips]
            tallies[name] = Tally.mean([None if value is None else abs(value - middle) for value in values])
    return tallies


def tallies_of(
    clips: Sequence[Measured],
    geometry: ClipGeometry,
    *,
    made: bool,
    reference: Sequence[Measured],
    audible_above_lufs: float,
) -> dict[str, Tally]:
    """Every measure of true pairs that can be made."""
    tallies = sync_tallies([(clip, clip) for clip in clips], geometry, made=made)
    if made:
        tallies |= class_tallies(clips)
    return tallies | loudness_tallies(clips, reference, audible_above_lufs)


def chances(clips: Sequence[Measured], geometry: ClipGeometry, *, made: bool) -> dict[str, float | None]:
    """The same measures of wrongly paired clips; where there is no other clip to pair with, nothing."""
    pairs = wrong_pairs(clips)
    if not pairs:
        return {}
    chance = {name: tally.value for name, tally in sync_tallies(pairs, geometry, made=made).items()}
    if made:
        others = [(one, other) for one in clips for other in clips if other is not one]
        chance["picture_class"] = float(np.mean([one.seen == other.label for one, other in others]))
        chance["sound_class"] = float(np.mean([one.heard == other.label for one, other in others]))
    return chance


def wrong_pairs(clips: Sequence[Measured]) -> list[tuple[Measured, Measured]]:
    """Each clip with the next few of its class, as its picture and their sound."""
    groups: dict[str | None, list[Measured]] = defaultdict(list)
    for clip in clips:
        groups[clip.label].append(clip)
    return [
        (clip, group[(index + step) % len(group)])
        for group in groups.values()
        for index, clip in enumerate(group)
        for step in range(1, min(SHUFFLES, len(group) - 1) + 1)
    ]


def _iou(first_s: list[float], second_s: list[float], tolerance_s: float) -> float | None:
    both = matches(first_s, second_s, tolerance_s)
    either = len(first_s) + len(second_s) - both
    return both / either if either else None
