"""Video and audio that are given for a clip, read from untrusted files: in a worker under limits.

Frames come upright, in BT.709, at the clip's rate by the rule of stage `cut`, cropped at the centre and scaled to the
clip's canvas; audio as one channel at the clip's rate. What was changed is told. A file of another length than the
clip's is refused, beyond half a frame of the slower of both rates; audio beside a video is cut at the video's end.
"""

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mova_core.errors import MediaError, UsageError
from mova_core.geometry import Canvas, ClipGeometry
from mova_core.media.film import Film, read_film

THIS = "mova_core.sampling.request.given_media"
MOST_FRAMES = 4097  # as many as a clip may have
MOST_FILLED_S = 0.1  # of audio beside a video: what it lacks at the ends is silence
SAME_RATE = 0.01  # rates that differ by a smaller share are not told

Frames = NDArray[np.uint8]
Waveform = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class MediaFile:
    """What to read of one file.

    Args:
        path: the file.
        option: what it is given as, for messages.
        geometry: of the clip.
        video: whether its frames are wanted.
        audio: whether its audio is.
        any_length: whether it may be longer or shorter than the clip.
    """

    path: Path
    option: str
    geometry: ClipGeometry
    video: bool
    audio: bool
    any_length: bool = False


@dataclass(frozen=True, slots=True)
class GivenMedia:
    """What was read.

    Args:
        frames: uint8 [F, H, W, 3] on a canvas of the clip; None where not wanted.
        samples: float32 [S] at the clip's rate, as long as the frames or the clip; None where not wanted.
        notes: what was changed, a sentence each.
    """

    frames: Frames | None
    samples: Waveform | None
    notes: tuple[str, ...]


def read_given(files: Sequence[MediaFile]) -> list[GivenMedia]:
    """Read files in workers that may crash, hang or use too much memory without harm.

    Raises:
        UsageError: one cannot be read, lacks what is wanted of it, or does not fit the clip.
    """
    # Only where something is given: a clip from text alone starts without them.
    from mova_core.curation.engine.base import Engine
    from mova_core.curation.engine.run import run
    from mova_core.params import Limits

    read = []
    with tempfile.TemporaryDirectory() as folder:
        tasks = [_Task(file, Path(folder, str(number))) for number, file in enumerate(files)]
        chosen = Engine.choose()
        engine = replace(chosen, workers=min(chosen.workers, len(tasks)))
        results = run(_read, tasks, engine=engine, limits=Limits(), preload=("av", THIS))
        for task, result in zip(tasks, results, strict=True):
            if result.failed:
                raise UsageError(
                    f"{task.file.path} cannot be given as {task.file.option} ({result.reason_code}): {result.reason}"
                )
            frames, samples = (np.load(part) if part.exists() else None for part in (task.frames, task.samples))
            read.append(GivenMedia(frames, samples, tuple(f"{task.file.path}: {note}" for note in result.value)))
    return read


@dataclass(frozen=True, slots=True)
class _Task:
    """A file, and where a worker writes what it reads of it."""

    file: MediaFile
    part: Path

    @property
    def frames(self) -> Path:
        return self.part.with_suffix(".frames.npy")

    @property
    def samples(self) -> Path:
        return self.part.with_suffix(".samples.npy")


@dataclass(frozen=True, slots=True)
class _Length:
    """How long a clip is: what the rule of stage `cut` needs of a geometry."""

    frames: int
    fps: int


def _read(task: _Task) -> list[str]:
    """The work of one worker: write what is wanted, return what was changed."""
    return _read_video(task) if task.file.video else _read_audio(task)


def _read_video(task: _Task) -> list[str]:
    from mova_core.curation.cut.resample import WindowFrames
    from mova_core.media.audio_resample import AudioChunk
    from mova_core.media.decode import Frame, decode_whole

    film, geometry = _film(task.file), task.file.geometry
    frames = _frame_count(task.file, film)
    window: WindowFrames[Frame] = WindowFrames([film.start_s], _Length(frames, geometry.fps))
    canvas: Canvas | None = None
    size_notes: list[str] = []
    written: Any = None
    shown = 0
    chunks: list[AudioChunk] = []

    def write(runs: Iterable[Any]) -> None:
        nonlocal canvas, size_notes, written, shown
        for run in runs:
            upright = film.upright(run.image)
            if canvas is None:
                height, width = upright.shape[:2]
                canvas, size_notes = _canvas(width, height, geometry)
                shape = (frames, canvas.height_px, canvas.width_px, 3)
                written = np.lib.format.open_memmap(task.frames, "w+", np.uint8, shape)
            written[shown : shown + run.times] = _fitted(upright, canvas)
            shown += run.times

    for piece in decode_whole(task.file.path, audio_rate_hz=geometry.audio_rate_hz if task.file.audio else None):
        if isinstance(piece, Frame):
            write(window.push(piece.time_s, piece))
        else:
            chunks.append(piece)
    write(window.end())
    if canvas is None:
        raise MediaError("no_video", "no frame of it decodes")
    written[shown:] = written[shown - 1]  # up to half a frame of a slower source
    written.flush()
    notes = _film_notes(film, task.file) + size_notes
    if task.file.audio:
        samples, more = _beside(chunks, film.start_s, geometry.samples_of(frames), geometry)
        np.save(task.samples, samples)
        notes += more
    return notes


def _read_audio(task: _Task) -> list[str]:
    from mova_core.media.audio_resample import AudioChunk
    from mova_core.media.container.demux import open_media
    from mova_core.media.decode import check_decoder, decode
    from mova_core.media.lost import Lost
    from mova_core.media.timeline.timeline import read_timeline

    geometry, wanted = task.file.geometry, task.file.geometry.audio_samples
    with open_media(task.file.path) as (container, kind):
        timeline = read_timeline(container, kind)
        stream = timeline.audio_stream(container)
        if stream is None or timeline.audio is None:
            raise MediaError("no_audio", "no audio stream with samples in it")
        check_decoder(stream)
        rate_hz, lasts_s = stream.codec_context.sample_rate, timeline.audio.end_s - timeline.audio.start_s
        frame_size = stream.codec_context.frame_size  # samples that are coded together; 0 of PCM
    if lasts_s > 2 * geometry.duration_s + 1:  # far too long: told without decoding it
        raise _wrong_length("audio", lasts_s, geometry)
    pieces = []
    for piece in decode(task.file.path, audio_rate_hz=geometry.audio_rate_hz, video=False):
        if isinstance(piece, Lost):
            raise MediaError(piece.code, piece.reason)
        if isinstance(piece, AudioChunk):
            pieces.append(piece.samples)
    samples = np.concatenate([np.zeros(0, np.float32), *pieces])
    missing, half_frame = wanted - len(samples), geometry.audio_rate_hz / geometry.fps / 2
    # A decoder gives the last coded frame whole, of which a file's edit list may use a part.
    coded_frame = frame_size / rate_hz * geometry.audio_rate_hz
    if not -max(half_frame, coded_frame) <= missing <= half_frame:
        raise _wrong_length("audio", len(samples) / geometry.audio_rate_hz, geometry)
    notes = _rate_notes(rate_hz, geometry)
    if missing:
        done = "silence is put at its end" if missing > 0 else "the rest of it is left out"
        notes.append(f"audio of {len(samples) / geometry.audio_rate_hz:.4f} s for {geometry.duration_s:.4f} s: {done}")
    np.save(task.samples, np.pad(samples[:wanted], (0, max(0, missing))))
    return notes


def _film(file: MediaFile) -> Film:
    film = read_film(file.path)
    if file.audio and film.audio_rate_hz is None:
        raise MediaError("no_audio", "no audio stream with samples in it")
    return film


def _film_notes(film: Film, file: MediaFile) -> list[str]:
    """What becomes of a file's rates."""
    told = []
    if abs(film.fps / file.geometry.fps - 1) > SAME_RATE:
        told.append(f"{film.fps:.4g} frames a second, resampled to {file.geometry.fps}")
    wanted = file.audio and film.audio_rate_hz is not None
    return told + (_rate_notes(film.audio_rate_hz or 0, file.geometry) if wanted else [])


def _frame_count(file: MediaFile, film: Film) -> int:
    """How many frames at the clip's rate a video is."""
    geometry, frames = file.geometry, max(1, round(film.lasts_s * file.geometry.fps))
    if file.any_length:
        if frames > MOST_FRAMES:
            raise MediaError("too_long", f"{frames} frames at {geometry.fps} a second, expected {MOST_FRAMES} at most")
        return frames
    if abs(film.lasts_s - geometry.duration_s) > 0.5 / min(film.fps, geometry.fps) + 1e-3:
        raise _wrong_length("video", film.lasts_s, geometry)
    return geometry.frames


def _wrong_length(what: str, lasts_s: float, geometry: ClipGeometry) -> MediaError:
    frames = 4 * round((lasts_s * geometry.fps - 1) / 4) + 1
    fits = abs(frames / geometry.fps - lasts_s) <= 0.5 / geometry.fps and frames > 0
    return MediaError(
        "wrong_length",
        f"its {what} lasts {lasts_s:.4f} s, the clip {geometry.duration_s:.4f} s ({geometry.frames} frames at "
        f"{geometry.fps} a second): cut it{f', or ask for {frames} frames' if fits else ''}",
    )


def _beside(chunks: Sequence[Any], start_s: float, wanted: int, geometry: ClipGeometry) -> tuple[Waveform, list[str]]:
    """The audio from a video's start, `wanted` samples of it, with silence where it does not run yet or any more."""
    if not chunks:
        raise MediaError("no_audio", "the audio stream decodes to no samples")
    rate_hz = geometry.audio_rate_hz
    line = np.concatenate([chunk.samples for chunk in chunks])
    offset = round((start_s - chunks[0].time_s) * rate_hz)
    before, after = max(0, -offset), max(0, offset + wanted - len(line))
    if max(before, after) > MOST_FILLED_S * rate_hz:
        raise MediaError("short_audio", f"its audio lacks {max(before, after) / rate_hz:.3f} s of its video")
    samples = np.pad(line[max(0, offset) : max(0, offset) + wanted - before], (before, after))
    lacking = before + after
    told = [f"its audio lacks {lacking / rate_hz:.4f} s of its video: there is silence"] if lacking > 1 else []
    return samples, told


def _canvas(width_px: int, height_px: int, geometry: ClipGeometry) -> tuple[Canvas, list[str]]:
    """The clip's frame shape for frames of this size, and what becomes of them."""
    canvas = geometry.canvas_for(width_px, height_px)
    if (canvas.width_px, canvas.height_px) == (width_px, height_px):
        return canvas, []
    cropped = "" if canvas.width_px * height_px == canvas.height_px * width_px else "cropped at the centre and "
    return canvas, [f"frames of {width_px}x{height_px} {cropped}scaled to {canvas.width_px}x{canvas.height_px}"]


def _rate_notes(rate_hz: int, geometry: ClipGeometry) -> list[str]:
    same = rate_hz == geometry.audio_rate_hz
    return [] if same else [f"audio at {rate_hz} Hz, resampled to {geometry.audio_rate_hz}"]


def _fitted(image: Frames, canvas: Canvas) -> Frames:
    from mova_core.media.image import fit_image

    return fit_image(image, canvas.height_px, canvas.width_px)
