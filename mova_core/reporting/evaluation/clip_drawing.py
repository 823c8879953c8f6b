"""What is drawn of one clip's file: the work of one worker, because anybody's files are shown."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mova_core.errors import MediaError
from mova_core.evaluation.metrics.sync import events_of
from mova_core.evaluation.scoring.video_file import read_video
from mova_core.measures.clip import Asked, Clip
from mova_core.reporting.charts.spectrogram import spectrogram_image
from mova_core.reporting.charts.waveform import waveform_chart
from mova_core.reporting.samples import PIXELS_SHOWN_UP_TO, image_uri, peaks, shrunk
from mova_core.storage.hashing import sha256_file


@dataclass(frozen=True, slots=True)
class DrawnFile:
    """A file to draw.

    Args:
        path: where it lies.
        sha256: of the bytes that were measured.
        label: its class of the synthetic world; None where it has no known one.
    """

    path: Path
    sha256: str
    label: str | None


def draw_file(file: DrawnFile) -> dict[str, Any]:
    """Poster, waveform and spectrogram, and the arguments of `event_track` where events are known.

    Raises:
        MediaError: it is gone, another file than was measured (`changed`), or cannot be decoded.
    """
    try:
        changed = sha256_file(file.path) != file.sha256
    except OSError as error:
        raise MediaError("missing", str(error)) from None
    if changed:
        raise MediaError("changed", "the file is another than was measured")
    clip = read_video(file.path, Asked(label=file.label))
    middle = shrunk(clip.frames[len(clip.frames) // 2][None])[0]
    spectrogram = spectrogram_image(clip.audio, clip.rate_hz)
    return {
        "poster_uri": image_uri(middle),
        "scaling": "pixels" if len(clip.frames[0]) <= PIXELS_SHOWN_UP_TO else "",
        "waveform": waveform_chart(peaks(clip.audio)) if len(clip.audio) else None,
        "spectrogram_uri": None if spectrogram is None else image_uri(spectrogram),
        "highest": f"{clip.rate_hz / 2000:g} kHz",
        "events": _events(clip),
    }


def _events(clip: Clip) -> dict[str, Any] | None:
    if clip.asked.label is None:
        return None
    events, onsets = events_of(clip)
    length_s = len(clip.frames) / clip.fps
    return {"video_s": events, "audio_s": onsets, "tolerance_s": 1 / clip.fps, "duration_s": length_s}
