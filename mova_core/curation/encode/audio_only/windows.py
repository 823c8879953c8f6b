"""The windows of a file of audio alone: as long as a clip, back to back from where the audio starts, then the rest."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mova_core.geometry import ClipGeometry
from mova_core.media.audio_resample import AudioChunk
from mova_core.media.decode import decode
from mova_core.media.lost import Lost


@dataclass(frozen=True, slots=True)
class AudioWindow:
    """One window.

    Args:
        start_s: on the file's timeline.
        end_s: its end.
        audio: float32 [S] in -1..1 at the geometry's rate; the last one has fewer samples than a clip.
        lost: what of it cannot be trusted, if anything.
    """

    start_s: float
    end_s: float
    audio: NDArray[np.float32]
    lost: Lost | None


def audio_windows(path: Path, geometry: ClipGeometry) -> Iterator[AudioWindow]:
    """The windows of a file in one pass, one in memory at a time.

    Raises:
        MediaError: it cannot be decoded, or has no audio.
    """
    size, rate_hz = geometry.audio_samples, geometry.audio_rate_hz
    lost: list[Lost] = []
    waiting = np.zeros(0, np.float32)
    first_s, taken = 0.0, 0

    def window(audio: NDArray[np.float32]) -> AudioWindow:
        start_s, end_s = first_s + taken / rate_hz, first_s + (taken + len(audio)) / rate_hz
        return AudioWindow(start_s, end_s, audio, next((one for one in lost if one.seconds_in(start_s, end_s)), None))

    for piece in decode(path, audio_rate_hz=rate_hz, video=False):
        if isinstance(piece, Lost):
            lost.append(piece)
        elif isinstance(piece, AudioChunk):
            if not taken and not len(waiting):
                first_s = piece.time_s
            waiting = np.concatenate([waiting, piece.samples])
            while len(waiting) >= size:
                yield window(waiting[:size])
                waiting, taken = waiting[size:], taken + size
    if len(waiting):
        yield window(waiting)
