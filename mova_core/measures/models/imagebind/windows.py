"""What ImageBind takes in of a clip: 5 pieces of its video in 3 crops each, 3 pieces of its audio.

Pieces last 2 s and start evenly from the clip's start to 2 s before its end. Of a piece of video its first and its last
frame are taken, the shorter side resized to 224, and a square cut out at either end and in the middle of the longer.
A piece of audio becomes a Kaldi filter bank of 128 bands, 204 frames of 10 ms of which the last are zeros.
Settings: facebookresearch/ImageBind, `imagebind/data.py`, and pytorchvideo's transforms that it calls
(hkchengrex/av-benchmark differs in the video: pairs of frames 2 s apart).

Shape suffixes: N pieces or crops.
"""

from math import ceil
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mova_core.measures.kaldi_fbank import kaldi_fbank
from mova_core.measures.models.inputs import normalized
from mova_core.media.audio.resample import resample

if TYPE_CHECKING:
    from torch import Tensor

PIECE_S = 2.0
VIDEO_PIECES, AUDIO_PIECES = 5, 3
SIDE_PX = 224
RGB_MEAN, RGB_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
RATE_HZ, MEL_BANDS, MEL_FRAMES = 16_000, 128, 204
MEL_MEAN, MEL_STD = -4.268, 9.138


def starts_s(duration_s: float, pieces: int) -> list[float]:
    """Where each piece starts, in seconds: evenly from 0 to 2 s before the end."""
    return [float(start) for start in np.linspace(0, max(0.0, duration_s - PIECE_S), pieces)]


def video_crops(frames: NDArray[np.uint8], fps: float) -> "Tensor":
    """The crops of all pieces of a video, float32 [15, 3, 2, 224, 224], colours normalised.

    Args:
        frames: RGB [F, H, W, 3].
        fps: frames per second.
    """
    import torch

    crops: list[Tensor] = []
    for start_s in starts_s(len(frames) / fps, VIDEO_PIECES):
        first = ceil(start_s * fps - 1e-6)
        last = min(ceil((start_s + PIECE_S) * fps - 1e-6), len(frames)) - 1
        pair = normalized(_short_side(frames[[first, last]]), RGB_MEAN, RGB_STD)
        crops += [crop.transpose(0, 1) for crop in three_crops(pair)]
    return torch.stack(crops)


def three_crops(frames: "Tensor") -> list["Tensor"]:
    """Squares at the start, in the middle and at the end of the longer side of frames [F, C, H, W]."""
    height, width = frames.shape[-2:]
    top, left = ceil((height - SIDE_PX) / 2), ceil((width - SIDE_PX) / 2)
    if height > width:
        corners = [(0, left), (top, left), (height - SIDE_PX, left)]
    else:
        corners = [(top, 0), (top, left), (top, width - SIDE_PX)]
    return [frames[..., y : y + SIDE_PX, x : x + SIDE_PX] for y, x in corners]


def _short_side(frames: NDArray[np.uint8]) -> "Tensor":
    """Frames whose shorter side is 224 px, bilinear without antialiasing as published, float32 0..255 [F, 3, H, W]."""
    import torch
    from torch.nn.functional import interpolate

    height, width = frames.shape[1:3]
    size = (int(height / width * SIDE_PX), SIDE_PX) if width < height else (SIDE_PX, int(width / height * SIDE_PX))
    pixels = torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float()
    return interpolate(pixels, size, mode="bilinear", align_corners=False)


def audio_pieces(audio: NDArray[np.float32], rate_hz: int) -> "Tensor":
    """Normalised log filter banks of all pieces of audio, float32 [3, 1, 128, 204].

    Args:
        audio: mono [S], at least 25 ms.
        rate_hz: samples per second.
    """
    import torch

    at_16k = resample(audio, rate_hz, RATE_HZ)
    pieces = [
        at_16k[int(start_s * RATE_HZ) : int((start_s + PIECE_S) * RATE_HZ)]
        for start_s in starts_s(len(at_16k) / RATE_HZ, AUDIO_PIECES)
    ]
    return torch.from_numpy(np.stack([_filter_bank(piece) for piece in pieces]))


def _filter_bank(piece: NDArray[np.float32]) -> NDArray[np.float32]:
    bands = kaldi_fbank(piece - piece.mean(), RATE_HZ, MEL_BANDS).T[:, :MEL_FRAMES]
    filled = np.pad(bands, ((0, 0), (0, MEL_FRAMES - bands.shape[1])))
    return ((filled - np.float32(MEL_MEAN)) / np.float32(MEL_STD))[None]
