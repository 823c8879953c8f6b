"""What SyncNet takes in and how its answers become LSE-D and LSE-C: windows of 0.2 s, a search of ±15 frames.

At 25 fps and 16 kHz, each window holds 5 frames of a face and the 20 MFCC vectors of the same time, a window at every
frame. Video features are held against audio features up to 15 frames before and after; over the whole track the mean
distance at each shift is taken. LSE-D is the least of these 31, LSE-C how far it lies under their median.
Sources: joonson/syncnet_python, `SyncNetInstance.py`; the names: K. R. Prajwal et al., "A Lip Sync Expert Is All You
Need for Speech to Lip Generation In the Wild" (ACM MM 2020), Rudrabha/Wav2Lip `evaluation/scores_LSE`.

Shape suffixes: N windows, D embedding, V vectors of MFCC.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mova_core.measures.models.syncnet.mfcc import mfcc

if TYPE_CHECKING:
    from torch import Tensor

FPS, RATE_HZ = 25.0, 16_000
WINDOW_FRAMES, WINDOW_VECTORS = 5, 20
VECTORS_PER_FRAME = WINDOW_VECTORS // WINDOW_FRAMES
SAMPLES_PER_FRAME = round(RATE_HZ / FPS)
MAX_SHIFT = 15  # frames


@dataclass(frozen=True, slots=True)
class LipSync:
    """How a face and speech go together.

    Args:
        distance: LSE-D, in the embedding's units; less is better.
        confidence: LSE-C, by which the best shift is nearer than the median one; more is better.
        offset_frames: frames by which audio is ahead of video; negative: it lags.
    """

    distance: float
    confidence: float
    offset_frames: int


def window_count(frames: int, samples: int) -> int:
    """Windows of a track of so many frames at 25 fps and samples at 16 kHz: one fewer than fit, as published."""
    return max(0, min(frames, samples // SAMPLES_PER_FRAME) - WINDOW_FRAMES)


def audio_windows(audio: NDArray[np.float32], count: int) -> "Tensor":
    """MFCC windows float32 [N, 1, 13, 20] of audio at 16 kHz, one at every frame."""
    import torch

    vectors = torch.from_numpy(mfcc(audio, RATE_HZ).astype(np.float32))
    return vectors.unfold(1, WINDOW_VECTORS, VECTORS_PER_FRAME)[:, :count].transpose(0, 1)[:, None].contiguous()


def lip_sync(video_ND: "Tensor", audio_ND: "Tensor") -> LipSync:
    """Distance, confidence and offset from the features of all windows; audio beyond the ends is zeros."""
    import torch
    from torch.nn.functional import pad, pairwise_distance

    padded = pad(audio_ND, (0, 0, MAX_SHIFT, MAX_SHIFT))
    distances = torch.stack(
        [
            pairwise_distance(video_ND, padded[shift : shift + len(video_ND)]).mean()
            for shift in range(2 * MAX_SHIFT + 1)
        ]
    )
    best = int(distances.argmin())
    confidence = float(distances.median() - distances[best])
    return LipSync(float(distances[best]), confidence, MAX_SHIFT - best)
