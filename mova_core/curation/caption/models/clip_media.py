"""What models get of a clip: a few frames as JPEG files, its audio as a WAV file.

Source of the parts' form: OpenAI API reference, chat completions, `image_url` and `input_audio`.
"""

import io
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mova_core.media.clip_file import read_clip
from mova_core.media.encode import to_pcm16

FRAME_EVERY_S = 1.0
FEWEST_FRAMES = 4
LONGEST_SIDE_PX = 1024  # a larger frame is scaled down before it is sent
JPEG_QUALITY = 90


@dataclass(frozen=True)
class ClipMedia:
    """Of one clip.

    Args:
        frames: those that are sent, RGB uint8 [F, H, W, 3].
        audio: mono float32 [S] in -1..1.
        rate_hz: samples a second.
    """

    frames: NDArray[np.uint8]
    audio: NDArray[np.float32]
    rate_hz: int

    @classmethod
    def read(cls, encoded: bytes, frames: int, fps: float, rate_hz: int) -> "ClipMedia":
        """Decode a stored clip, keeping frames in the middles of equal parts of it.

        Args:
            encoded: its file.
            frames: how many it has.
            fps: frames a second.
            rate_hz: samples a second.

        Raises:
            MediaError: it cannot be decoded.
        """
        return cls(*read_clip(encoded, chosen_frames(frames, fps)), rate_hz)

    @cached_property
    def jpegs(self) -> Sequence[bytes]:
        """The frames as files."""
        return [_jpeg(frame) for frame in self.frames]

    @cached_property
    def wav(self) -> bytes:
        """The audio as a file: 16 bits, at its own rate."""
        file = io.BytesIO()
        with wave.open(file, "wb") as wav:
            wav.setnchannels(1)
            wav.setsampwidth(2)
            wav.setframerate(self.rate_hz)
            wav.writeframes(to_pcm16(self.audio).astype("<i2").tobytes())
        return file.getvalue()


def chosen_frames(frames: int, fps: float) -> Sequence[int]:
    """Numbers of the frames that are sent: about one a second, at least four, each in the middle of its part."""
    count = min(frames, max(FEWEST_FRAMES, round(frames / fps / FRAME_EVERY_S)))
    return [int((part + 0.5) * frames / count) for part in range(count)]


def _jpeg(frame: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    image = Image.fromarray(frame)
    image.thumbnail((LONGEST_SIDE_PX, LONGEST_SIDE_PX))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=JPEG_QUALITY)
    return file.getvalue()
