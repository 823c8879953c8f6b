"""A generated clip as an MP4 that any player opens: H.264 and AAC, video and audio exactly as long as the clip.

AAC is coded in frames of 1024 samples; the file's edit list says where the clip's audio starts and ends within them.
Nano frames are enlarged by nearest neighbour, so that a player does not blur the few pixels that the model generates.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mova_core.geometry import ClipGeometry
from mova_core.media.encode import write_media

CRF = 16
AUDIO_BITS_PER_S = 192_000


def write_clip(
    path: Path, video: NDArray[np.uint8], audio: NDArray[np.float32], geometry: ClipGeometry, enlarge: int = 1
) -> None:
    """Encode one clip; the same clip gives the same bytes.

    Args:
        path: where to, overwritten; the caller renames it into place.
        video: uint8 [F, H, W, 3].
        audio: float32 [S] in -1..1.
        geometry: frame and sample rate.
        enlarge: each pixel becomes a square of this many pixels a side.
    """
    write_media(
        path,
        _enlarged(video, enlarge),
        geometry.fps,
        audio,
        geometry.audio_rate_hz,
        audio_codec="aac",
        audio_options={"b": str(AUDIO_BITS_PER_S)},
        crf=CRF,
        # The file's own clock ticks in samples: its usual thousandths would round the length of the audio.
        container_options={"movie_timescale": str(geometry.audio_rate_hz)},
    )


def _enlarged(video: NDArray[np.uint8], factor: int) -> Iterator[NDArray[np.uint8]]:
    for frame in video:
        yield frame.repeat(factor, axis=0).repeat(factor, axis=1)
