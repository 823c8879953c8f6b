"""What models of video and audio take in: frames at their rates and sizes, and why a clip cannot be judged.

Frames are RGB [F, H, W, 3] uint8 as a clip holds them, and [F, 3, H, W] once they are tensors; audio is mono float32.
"""

from math import ceil
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mova_core.measures.clip import Clip

if TYPE_CHECKING:
    from torch import Tensor

SILENT_PEAK = 1e-4  # -80 dB of full scale: below it a model of audio is given nothing
CHUNK = 16  # frames that are resized at once: bounds memory


def why_unusable(clip: Clip, least_s: float = 0.0) -> str | None:
    """Why a model of video and audio cannot judge a clip; None where it can.

    Args:
        clip: the clip.
        least_s: seconds that both its video and its audio must last.
    """
    lasts_s = min(len(clip.frames) / clip.fps, len(clip.audio) / clip.rate_hz)
    return why_no_video(clip.frames) or why_no_audio(clip.audio) or why_too_short(lasts_s, least_s)


def why_no_video(frames: NDArray[np.uint8]) -> str | None:
    """Why a model cannot judge frames as a video; None where it can."""
    return None if len(frames) > 1 else f"it has {len(frames)} frame{'s' * (len(frames) != 1)}, no video"


def why_too_short(lasts_s: float, least_s: float) -> str | None:
    """Why a model cannot judge what lasts so many seconds; None where it can."""
    return None if lasts_s >= least_s else f"it lasts {lasts_s:.3g} s, and the model needs {least_s:g} s"


def why_no_audio(audio: NDArray[np.float32]) -> str | None:
    """Why a model cannot judge audio; None where it can."""
    if not len(audio):
        return "it has no audio"
    if not np.isfinite(audio).all():
        return "its audio holds values that are no numbers"
    return "its audio is silent" if np.abs(audio).max() < SILENT_PEAK else None


def frame_numbers(frames: int, fps: float, wanted_fps: float) -> list[int]:
    """Numbers of the frames to show at another rate, each nearest to its time, as FFmpeg's filter `fps` chooses.

    Args:
        frames: how many there are.
        fps: their rate.
        wanted_fps: the rate of the result, which lasts as long, cut to whole frames.
    """
    count = int(frames * wanted_fps / fps + 1e-6)
    return [min(ceil((number + 0.5) * fps / wanted_fps - 1e-6) - 1, frames - 1) for number in range(count)]


def short_side(frames: NDArray[np.uint8], side_px: int, mode: str = "bicubic") -> "Tensor":
    """Frames whose shorter side is as wanted, the other in proportion, with antialiasing.

    Args:
        frames: [F, H, W, 3].
        side_px: the shorter side.
        mode: `bicubic` or `bilinear`.

    Returns:
        uint8 [F, 3, H, W].
    """
    height, width = frames.shape[1:3]
    scale = side_px / min(height, width)
    size = (side_px, int(width * scale + 1e-6)) if height <= width else (int(height * scale + 1e-6), side_px)
    return resized(frames, *size, mode)


def resized(frames: NDArray[np.uint8], height_px: int, width_px: int, mode: str = "bicubic") -> "Tensor":
    """Frames of another size, with antialiasing, uint8 [F, 3, H, W]; arguments as of `short_side`."""
    import torch
    from torch.nn.functional import interpolate

    tensors = torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2)
    if tensors.shape[2:] == (height_px, width_px):
        return tensors
    chunks = [interpolate(chunk, (height_px, width_px), mode=mode, antialias=True) for chunk in tensors.split(CHUNK)]
    return torch.cat(chunks)


def center_crop(frames: "Tensor", side_px: int) -> "Tensor":
    """The middle square [F, C, side, side] of frames [F, C, H, W] that are at least as large."""
    top, left = (round((size - side_px) / 2) for size in frames.shape[-2:])
    return frames[..., top : top + side_px, left : left + side_px]


def normalized(frames: "Tensor", mean: tuple[float, ...], std: tuple[float, ...]) -> "Tensor":
    """Frames 0..255 [F, 3, H, W] as float32 (value / 255 - mean) / std, channel by channel."""
    import torch

    mean_C, std_C = (torch.tensor(values)[:, None, None] for values in (mean, std))
    return (frames.to(torch.float32) / 255 - mean_C) / std_C
