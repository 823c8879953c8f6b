"""Measures of a clip's video: one measure, one function.

All but `luma` and `without_bars` take luma uint8 [F, H, W] of a clip without its black bars, 0 black to 255 white;
results are shares in 0..1, and differences of brightness are shares of white. Change is seen on a grid of about 24
cells along the shorter side, so that one limit fits every canvas and pixel noise does not count as motion.
Limits for these measures stand in params.yaml, section assess.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Luma = NDArray[np.uint8]

LUMA_WEIGHTS = (54, 183, 19)  # BT.709's 0.2126, 0.7152, 0.0722 in 256ths
BAR_LUMA = 10  # a padded bar stays below this after encoding
BLACK_PIXEL = 0.10 * 255
BLACK_FRAME = 0.98
CELLS = 24
FROZEN_CHANGE = 3.0  # of 255: made still cards change by up to this when encoded, the bouncing world by 5 and more
NOISE_FRAMES = 33  # looked at, spread over the clip
NOISE_BLOCK_PX = 8


def luma(frames: NDArray[np.uint8]) -> Luma:
    """Brightness uint8 [F, H, W] of RGB frames uint8 [F, H, W, 3] (BT.709)."""
    gray = np.empty(frames.shape[:3], np.uint8)
    for frame, target in zip(frames, gray, strict=True):
        red, green, blue = (frame[..., channel].astype(np.uint16) * LUMA_WEIGHTS[channel] for channel in range(3))
        target[...] = (red + green + blue + 128) >> 8
    return gray


def without_bars(gray: Luma) -> Luma:
    """The clip without rows and columns at its edges that are black from first to last; an all-black clip as it is."""
    brightest = gray.max(axis=0)
    rows = np.flatnonzero(brightest.max(axis=1) > BAR_LUMA)
    columns = np.flatnonzero(brightest.max(axis=0) > BAR_LUMA)
    if not len(rows):
        return gray
    return gray[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def black_share(gray: Luma) -> float:
    """Share of frames of which at least 98 % of the pixels are darker than 10 % of white.

    Source: the defaults of FFmpeg's blackdetect.
    """
    dark = [np.count_nonzero(frame < BLACK_PIXEL) / frame.size for frame in gray]
    return float(np.mean(np.asarray(dark) >= BLACK_FRAME))


def brightness(gray: Luma) -> float:
    """Mean brightness as a share of white."""
    return float(gray.mean(dtype=np.float64)) / 255


def cells(gray: Luma) -> NDArray[np.float32]:
    """Mean brightness 0..255 of square cells, float32 [F, rows, columns]; what fills no cell at the edges is left out.

    `frozen_share` and `motion` go by it.
    """
    frames, height, width = gray.shape
    side = max(1, min(height, width) // CELLS)
    rows, columns = height // side, width // side
    means = np.empty((frames, rows, columns), np.float32)
    for frame, target in zip(gray, means, strict=True):  # one by one: of a colour's channel this copies
        whole = frame[: rows * side, : columns * side].reshape(rows, side, columns, side)
        target[...] = whole.sum(axis=1, dtype=np.uint32).sum(axis=2, dtype=np.uint32) / np.float32(side * side)
    return means


def frozen_share(grid: NDArray[np.float32]) -> float:
    """Share of consecutive frames between which no cell changes by more than 3 of 255.

    Args:
        grid: `cells` of the clip.
    """
    changes = [np.abs(after - before).max() for before, after in pairwise(grid)]
    return float(np.mean(np.asarray(changes) <= FROZEN_CHANGE)) if changes else 1.0


def motion(grid: NDArray[np.float32]) -> float:
    """Mean absolute change of a cell from one frame to the next, as a share of white.

    Args:
        grid: `cells` of the clip.
    """
    changes = [np.abs(after - before).mean() for before, after in pairwise(grid)]
    return float(np.mean(changes)) / 255 if changes else 0.0


def flicker(gray: Luma) -> float | None:
    """How far the mean brightness of a frame lies from the mean of those beside it, on average, as a share of white.

    What moves keeps its brightness and leaves that of the whole frame nearly as it is; a fade changes it evenly and has
    no flicker; brightness that jumps up and down by a has one of a from peak to peak. Parts that flicker against each
    other cancel out. None for fewer than three frames.

    Source: flicker as fluctuation of a frame's intensity that does not come from the scene: P. van Roosmalen,
    "Restoration of archived film and video" (Delft, 1999), chapter 3; taken by second differences here.
    """
    means = np.array([frame.mean(dtype=np.float64) for frame in gray])
    if len(means) < 3:
        return None
    return float(np.abs(means[1:-1] - (means[:-2] + means[2:]) / 2).mean()) / 255


def noise_sd(gray: Luma) -> float:
    """Standard deviation of the pixel noise, as a share of white.

    Immerkaer's mask (a difference of two Laplacians) is blind to flat and evenly sloped parts and to straight edges
    along the axes; its mean absolute answer to Gaussian noise of sd s is 6 s sqrt(2 / pi). It is averaged over blocks
    of 8 x 8 pixels, and the median block counts, so that shapes and textured parts do not, up to half of the frame.
    Texture finer than that reads as noise.

    Source: J. Immerkaer, "Fast noise variance estimation", Computer Vision and Image Understanding 64 (1996).
    """
    chosen = np.linspace(0, len(gray) - 1, min(len(gray), NOISE_FRAMES)).round().astype(int)
    blocks = np.concatenate([_block_means(np.abs(_immerkaer(gray[index]))) for index in chosen])
    if not len(blocks):
        return 0.0
    return float(np.median(blocks) * np.sqrt(np.pi / 2) / 6) / 255


def _immerkaer(frame: Luma) -> NDArray[np.int16]:
    """Answer of the mask [1 -2 1; -2 4 -2; 1 -2 1], int16 [H - 2, W - 2]."""
    rows = frame.astype(np.int16)
    along = rows[:, :-2] - 2 * rows[:, 1:-1] + rows[:, 2:]
    return along[:-2] - 2 * along[1:-1] + along[2:]


def _block_means(values: NDArray[np.int16]) -> NDArray[np.float64]:
    """Mean of each whole block, [blocks]."""
    rows, columns = (size // NOISE_BLOCK_PX for size in values.shape)
    whole = values[: rows * NOISE_BLOCK_PX, : columns * NOISE_BLOCK_PX]
    return whole.reshape(rows, NOISE_BLOCK_PX, columns, NOISE_BLOCK_PX).mean(axis=(1, 3)).reshape(-1)
