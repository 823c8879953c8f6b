"""A video file as the clip that metrics see: frames upright at their own size, audio from the first frame on."""

from math import ceil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mova_core.errors import MediaError
from mova_core.measures.clip import Asked, Clip
from mova_core.media.film import read_film

LONGEST_S = 60.0
MOST_BYTES = 2 * 2**30  # of decoded frames
SHOWN_RATE_HZ = 16_000  # of a clip without audio, which has no rate of its own


def read_video(path: Path, asked: Asked) -> Clip:
    """Decode a file whole.

    Args:
        path: any container with a video; a file without audio is a clip of no samples.
        asked: what it was asked to be.

    Raises:
        MediaError: it cannot be decoded, or is longer or larger than what is measured as one clip (`too_long`,
            `too_large`).
    """
    from mova_core.media.audio_resample import AudioChunk
    from mova_core.media.decode import decode_whole

    film = read_film(path)
    if film.lasts_s > LONGEST_S:
        raise MediaError("too_long", f"it lasts {film.lasts_s:.0f} s, a clip to measure {LONGEST_S:g} s at most")
    frames, chunks = _Frames(ceil(film.lasts_s * film.fps) + 1), list[AudioChunk]()
    for piece in decode_whole(path, audio_rate_hz=film.audio_rate_hz):
        if isinstance(piece, AudioChunk):
            chunks.append(piece)
        else:
            frames.add(film.upright(piece))
    rate_hz = film.audio_rate_hz or SHOWN_RATE_HZ
    audio = np.concatenate([np.zeros(0, np.float32), *(chunk.samples for chunk in chunks)])
    late = round((chunks[0].time_s - film.start_s) * rate_hz) if chunks else 0
    audio = np.pad(audio, (late, 0)) if late > 0 else audio[-late:]
    return Clip(frames.whole(), audio, film.fps, rate_hz, asked=asked)


class _Frames:
    """Frames of one size in one piece of memory, so that none is held twice.

    Args:
        expected: frames that there will be, about.
    """

    def __init__(self, expected: int) -> None:
        self._expected = max(1, expected)
        self._held: NDArray[np.uint8] | None = None
        self._count = 0

    def add(self, frame: NDArray[np.uint8]) -> None:
        """One frame [H, W, 3] more.

        Raises:
            MediaError: all of them are too large.
        """
        if self._held is None:
            self._held = _empty(self._expected, frame)
        elif self._count == len(self._held):  # the container told too few
            self._held = np.concatenate([self._held, _empty(self._count // 4 + 1, frame, self._held.nbytes)])
        self._held[self._count] = frame
        self._count += 1

    def whole(self) -> NDArray[np.uint8]:
        """All of them, [F, H, W, 3]."""
        assert self._held is not None  # a file without a frame does not decode
        return self._held[: self._count]


def _empty(frames: int, like: NDArray[np.uint8], held_bytes: int = 0) -> NDArray[np.uint8]:
    if held_bytes + frames * like.nbytes > MOST_BYTES:
        raise MediaError("too_large", f"its frames have over {MOST_BYTES >> 30} GiB, more than a clip to measure")
    return np.empty((frames, *like.shape), np.uint8)
