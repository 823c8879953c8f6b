"""Read a stored clip back: every frame and every sample, nothing resampled.

A stored clip is of this project's own making (`clip_writer.py`: H.264 in mp4 or FFV1 in Matroska; FLAC 16 bit, mono),
so this reader is short and trusting; files from outside go through `mova_core.media.decode`.
"""

from io import BytesIO
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from mova_core.errors import MediaError
from mova_core.media.clip_formats import CLIP_FORMATS
from mova_core.media.encode import FULL_SCALE

EXACT = ("s16", "s16p")  # how 16-bit FLAC decodes


def read_clip(data: bytes | Path) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Decode one clip.

    Args:
        data: the clip's bytes, or its file.

    Returns:
        Frames uint8 [F, H, W, 3] RGB, and mono sound float32 [S] in -1..1.

    Raises:
        MediaError: not a whole clip (`damaged_clip`).
    """
    name = str(data) if isinstance(data, Path) else f"a clip of {len(data)} bytes"
    frames: list[NDArray[np.uint8]] = []
    pieces: list[NDArray[np.int16]] = []
    reformatter = VideoReformatter()
    try:
        encoded = data if isinstance(data, bytes) else data.read_bytes()
        with av.open(BytesIO(encoded), "r", format=_container(encoded)) as container:
            for stream in container.streams:
                stream.codec_context.thread_count = 1
            for frame in container.decode():
                if isinstance(frame, av.VideoFrame):
                    picture = reformatter.reformat(frame, format="rgb24", threads=1).to_ndarray()
                    frames.append(picture.astype(np.uint8, copy=False))
                elif isinstance(frame, av.AudioFrame):
                    if frame.format.name not in EXACT:
                        raise MediaError(
                            "damaged_clip", f"{name} holds sound as {frame.format.name}, expected FLAC: cut it again"
                        )
                    pieces.append(frame.to_ndarray().reshape(-1).astype(np.int16, copy=False))
    except (av.FFmpegError, OSError) as error:
        raise MediaError("damaged_clip", f"{name} cannot be decoded ({error}): cut it again") from None
    if not frames or not pieces:
        raise MediaError("damaged_clip", f"{name} holds {len(frames)} frames and {len(pieces)} pieces of sound")
    return np.stack(frames), np.concatenate(pieces).astype(np.float32) / np.float32(FULL_SCALE)


def _container(encoded: bytes) -> str:
    """FFmpeg's name of the container that a clip lies in."""
    likely = [form for form in CLIP_FORMATS.values() if encoded.startswith(form.head)]
    return max(likely, key=lambda form: len(form.head)).container
