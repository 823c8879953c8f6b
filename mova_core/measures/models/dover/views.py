"""What DOVER takes in of a video and how its answers become scores: fragments, a resized view, rescaling.

Technical quality is told from fragments: 3 clips of 32 frames, every second frame, one in each third of the video; of
each frame 7 x 7 squares of 32 px at its own resolution, put together to 224 x 224, at the same places in a whole clip.
Aesthetic quality is told from 32 frames spread over the video, resized to 224 x 224 whatever their aspect.
Places are drawn; here from a generator with a fixed seed, so that a video has one score. A video whose shorter side is
under 224 px is enlarged first (the published code takes the grid of the squares from the size before, this one after).
Settings: VQAssessment/DOVER, `dover.yml`, `dover/datasets/dover_datasets.py`; rescaling: `evaluate_a_set_of_videos.py`.
"""

from math import exp
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mova_core.measures.models.inputs import normalized, resized, short_side

if TYPE_CHECKING:
    from torch import Tensor

SIDE_PX = 224
CLIP_FRAMES, INTERVAL, CLIPS = 32, 2, 3
GRID, FRAGMENT_PX = 7, 32
AESTHETIC_FRAMES = 32
RGB_MEAN, RGB_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SEED = 0
TECHNICAL_MEAN, TECHNICAL_STD = 0.1107, 0.07355  # of the raw scores of many videos
AESTHETIC_MEAN, AESTHETIC_STD = -0.08285, 0.03774


def sampled(frames: int, pieces: int, of_each: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Numbers of frames [pieces, of_each]: every second one from a drawn place in each equal part of the video.

    Args:
        frames: of the video; what lies beyond its end starts again from its beginning.
        pieces: parts.
        of_each: frames of each part.
        generator: for the places.
    """
    part = frames // pieces
    room = part - of_each * INTERVAL
    start = generator.integers(0, room, pieces) if room > 0 else np.zeros(pieces, np.int64)
    return (start[:, None] + part * np.arange(pieces)[:, None] + INTERVAL * np.arange(of_each)) % frames


def technical_view(frames: NDArray[np.uint8]) -> "Tensor":
    """Fragments of a video, float32 [3, 3, 32, 224, 224] (clips, channels, frames), colours normalised.

    Args:
        frames: RGB [F, H, W, 3].
    """
    import torch

    generator = np.random.default_rng(SEED)
    clips = [fragments(frames[chosen], generator) for chosen in sampled(len(frames), CLIPS, CLIP_FRAMES, generator)]
    return torch.stack([normalized(clip, RGB_MEAN, RGB_STD).transpose(0, 1) for clip in clips])


def fragments(frames: NDArray[np.uint8], generator: np.random.Generator) -> "Tensor":
    """Squares of frames put together, uint8 [F, 3, 224, 224], at places drawn once for all of them.

    Args:
        frames: RGB [F, H, W, 3].
        generator: for the places.
    """
    import torch

    if min(frames.shape[1:3]) < SIDE_PX:
        pixels = short_side(frames, SIDE_PX, "bilinear")
    else:
        pixels = torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2)
    tops, lefts = (_places(size, axis, generator) for axis, size in enumerate(pixels.shape[2:]))
    rows = [
        torch.cat([pixels[..., y : y + FRAGMENT_PX, x : x + FRAGMENT_PX] for y, x in zip(*line, strict=True)], dim=3)
        for line in zip(tops, lefts, strict=True)
    ]
    return torch.cat(rows, dim=2)


def _places(size: int, axis: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Where each of 7 x 7 squares starts along an axis: in its cell of the grid, anywhere it fits."""
    cell = size // GRID
    first = np.minimum(cell * np.arange(GRID), size - FRAGMENT_PX)
    starts = np.repeat(first[:, None], GRID, axis=1) if axis == 0 else np.repeat(first[None], GRID, axis=0)
    return starts + generator.integers(0, cell - FRAGMENT_PX, (GRID, GRID)) if cell > FRAGMENT_PX else starts


def aesthetic_view(frames: NDArray[np.uint8]) -> "Tensor":
    """32 frames over the whole video at 224 x 224, float32 [1, 3, 32, 224, 224], colours normalised."""
    chosen = sampled(len(frames), AESTHETIC_FRAMES, 1, np.random.default_rng(SEED))[:, 0]
    small = resized(frames[chosen], SIDE_PX, SIDE_PX, "bilinear")
    return normalized(small, RGB_MEAN, RGB_STD).transpose(0, 1)[None]


def technical_score(raw: float) -> float:
    """Score in 0..1 from the network's mean answer: standardised, then the logistic function."""
    return _logistic((raw - TECHNICAL_MEAN) / TECHNICAL_STD)


def aesthetic_score(raw: float) -> float:
    """Score in 0..1 from the network's mean answer, as `technical_score`."""
    return _logistic((raw - AESTHETIC_MEAN) / AESTHETIC_STD)


def _logistic(value: float) -> float:
    return 1 / (1 + exp(-value))
