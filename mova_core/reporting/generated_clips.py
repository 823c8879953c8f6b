"""Clips that a model generated, to look at and listen to, with their event tracks, as data inside the page."""

from dataclasses import dataclass
from pathlib import Path

from mova_core.geometry import ClipGeometry
from mova_core.media.decode import Frame, decode_whole
from mova_core.reporting.charts.event_track import EventTrack, event_track
from mova_core.reporting.phase_reports import PhaseReport, SampleClip
from mova_core.reporting.samples import data_uri, image_uri

CLIPS_SHOWN = 6


@dataclass(frozen=True, slots=True)
class GeneratedClip:
    """One clip; `track` is None where the footage's events are not known, or the phase generates no video."""

    sample: SampleClip
    video_uri: str
    poster_uri: str
    track: EventTrack | None


def draw_generated(report: PhaseReport, geometry: ClipGeometry) -> list[GeneratedClip]:
    """The first clips of a phase's evaluation.

    Args:
        report: of the phase; without an evaluation there is nothing to draw.
        geometry: of the phase: duration, and the frame rate that says what agrees.

    Raises:
        MediaError: a clip cannot be decoded.
    """
    samples = report.evaluation.samples[:CLIPS_SHOWN] if report.evaluation else []
    return [_draw(sample, report, geometry) for sample in samples if (report.folder / sample.path).is_file()]


def draw_training_samples(report: PhaseReport) -> list[tuple[int, list[GeneratedClip]]]:
    """Clips that a phase made while it trained, after the first, middle and last of the steps that have some.

    Raises:
        MediaError: a clip cannot be decoded.
    """
    found = report.samples
    shown = sorted({0, (len(found) - 1) // 2, len(found) - 1}) if found else []
    return [
        (
            found[index].step,
            [_player(clip, found[index].folder / clip.path, None) for clip in found[index].clips[:CLIPS_SHOWN]],
        )
        for index in shown
    ]


def _draw(sample: SampleClip, report: PhaseReport, geometry: ClipGeometry) -> GeneratedClip:
    track = None
    if report.phase.joint and sample.video_events_s is not None and sample.audio_onsets_s is not None:
        tolerance_s = 1 / float(geometry.fps)
        track = event_track(sample.video_events_s, sample.audio_onsets_s, tolerance_s, geometry.duration_s)
    return _player(sample, report.folder / sample.path, track)


def _player(sample: SampleClip, path: Path, track: EventTrack | None) -> GeneratedClip:
    frames = [piece for piece in decode_whole(path, audio_rate_hz=None) if isinstance(piece, Frame)]
    # The middle: the first frame is the hardest to generate, and does not stand for the clip.
    middle = image_uri(frames[len(frames) // 2].rgb())
    return GeneratedClip(sample, data_uri("video/mp4", path.read_bytes()), middle, track)
