"""Clips that a model generated, to look at and listen to, with their event tracks, as data inside the page."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mova_core.geometry import ClipGeometry
from mova_core.media.audio_resample import AudioChunk
from mova_core.media.decode import Frame, decode, decode_whole
from mova_core.reporting.charts.event_track import EventTrack, event_track
from mova_core.reporting.charts.waveform import waveform_chart
from mova_core.reporting.phase_reports import PhaseReport, SampleClip, TaskClip
from mova_core.reporting.samples import data_uri, evenly, image_uri, peaks
from mova_core.sampling.tasks import CLIP_TASKS

CLIPS_SHOWN = 6
SIDE_PX = 64  # of a frame in a strip
WAVE_RATE_HZ = 16_000  # enough to see when it is loud
GIVEN_WORDS = {
    "image": "first frame",
    "last_image": "last frame",
    "video": "video",
    "audio": "audio",
    "only=video": "only the video is made",
    "only=audio": "only the audio is made",
    "extend": "made longer by a piece",
    "retake": "its middle third made anew",
}


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


@dataclass(frozen=True, slots=True)
class TaskStrip:
    """A clip of one task: frames from start to end and the waveform, None where it has none."""

    clip: TaskClip
    given: str
    frames_uri: str | None
    waveform: str | None


def draw_tasks(report: PhaseReport) -> list[TaskStrip]:
    """One clip of every task that an evaluation wrote.

    Raises:
        MediaError: a clip cannot be decoded.
    """
    clips = report.evaluation.tasks if report.evaluation else []
    return [_strip_of(clip, report.folder / clip.path) for clip in clips if (report.folder / clip.path).is_file()]


def _strip_of(clip: TaskClip, path: Path) -> TaskStrip:
    task = CLIP_TASKS[clip.task]
    frames_uri = waveform = None
    if task.makes_video:
        frames = [piece for piece in decode(path, audio_rate_hz=None) if isinstance(piece, Frame)]
        shown = [
            frames[index].rgb(SIDE_PX * frames[index].image.width // frames[index].image.height, SIDE_PX)
            for index in evenly(len(frames))
        ]
        frames_uri = image_uri(np.concatenate(shown, axis=1))
    if task.makes_audio:
        pieces = decode(path, audio_rate_hz=WAVE_RATE_HZ, video=False)
        samples = [piece.samples for piece in pieces if isinstance(piece, AudioChunk)]
        waveform = waveform_chart(peaks(np.concatenate(samples)))
    given = ", ".join(GIVEN_WORDS[name] for name in sorted(task.inputs)) or "the prompt alone"
    return TaskStrip(clip, given, frames_uri, waveform)


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
