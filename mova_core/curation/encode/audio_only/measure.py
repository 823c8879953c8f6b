"""What each window of a file of audio alone measures: the work of one worker."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mova_core.curation.encode.audio_only.windows import AudioWindow, audio_windows
from mova_core.curation.ingest.source_bytes import reading
from mova_core.geometry import ClipGeometry
from mova_core.measures import audio
from mova_core.media.audio.loudness import integrated_lufs
from mova_core.media.audio_resample import AudioChunk
from mova_core.media.decode import decode
from mova_core.speech.audio import SPEECH_RATE_HZ
from mova_core.speech.voice_activity import SpeechDetector

DIGITS = 6  # of seconds in a table

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class AudioSource:
    """One file of audio alone.

    Args:
        source_id: sha256 of its bytes.
        path: where it lies.
        geometry: of a clip.
        speech_threshold: Silero's probability from which it is speech.
        duration_s: how long it lasts, which says how long its measuring may take.
    """

    source_id: str
    path: Path
    geometry: ClipGeometry
    speech_threshold: float
    duration_s: float


def measure_audio(source: AudioSource) -> list[Row]:
    """Its windows in order, as rows of table `audio_clips` without what the whole table decides.

    Raises:
        MediaError: it cannot be decoded.
        StaleError: it is not the file that `ingest` read.
    """
    with reading(source.path, source.source_id):
        speech_s = _speech_s(source)
        return [_row(window, source, speech_s) for window in audio_windows(source.path, source.geometry)]


def _row(window: AudioWindow, source: AudioSource, speech_s: Sequence[Sequence[float]]) -> Row:
    row: Row = {"start_s": round(window.start_s, DIGITS), "end_s": round(window.end_s, DIGITS)}
    length_s, rate_hz = window.end_s - window.start_s, source.geometry.audio_rate_hz
    if window.lost is not None:
        return row | {"reason_code": window.lost.code, "reason": window.lost.reason}
    if len(window.audio) < source.geometry.audio_samples:
        short = f"the last {length_s:.2f} s of it are shorter than a clip of {source.geometry.duration_s:.2f} s"
        return row | {"reason_code": "too_short", "reason": short}
    return row | {
        "silence_ratio": audio.silence_ratio(window.audio, rate_hz),
        "bandwidth_hz": audio.bandwidth_hz(window.audio, rate_hz),
        "lufs": integrated_lufs(window.audio, rate_hz),
        "clipped_share": audio.clipped_share(window.audio),
        "speech_share": audio.speech_share(window.start_s, window.end_s, speech_s),
    }


def _speech_s(source: AudioSource) -> list[list[float]]:
    speech = SpeechDetector(source.speech_threshold)
    for piece in decode(source.path, audio_rate_hz=SPEECH_RATE_HZ, video=False):
        if isinstance(piece, AudioChunk):
            speech.add(piece.time_s, piece.samples)
    return speech.speech()
