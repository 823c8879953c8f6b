"""Two video experts share the noise levels: one works at high noise, one at low noise.

The boundary is a sigma: at and above it the high-noise expert works, below it the low-noise expert. A sampling run
starts at sigma 1 and switches once. Training alternates: step 0 trains the high-noise expert, step 1 the low-noise one,
and so on, so that all processes of a step train the same weights.
Sources: Wan2.2 (two experts); MOVA report, arXiv:2602.08794, training; golden case `scheduler`.
"""

from torch import Tensor

from mova_core.flow_matching.schedule import TRAINING_STEPS, shifted_levels
from mova_core.flow_matching.shift import unshift_sigma

EXPERTS = HIGH_NOISE, LOW_NOISE = ("video_dit", "video_dit_2")  # by the names of their component folders
BOUNDARY_RATIO = 0.9  # the sigma of the boundary, where a model folder names none


def expert_at(video_sigma: Tensor, boundary_ratio: float) -> str:
    """The expert that works at a noise level of the video.

    Args:
        video_sigma: noise level in [0, 1], a single float32.
        boundary_ratio: sigma of the boundary, in [0, 1].
    """
    # Compared as timesteps, as the released system does it: sigma and timestep round differently.
    return HIGH_NOISE if float(video_sigma * TRAINING_STEPS) >= boundary_ratio * TRAINING_STEPS else LOW_NOISE


def expert_of(step: int) -> str:
    """The expert that a training step (counted from 0) trains."""
    return EXPERTS[step % len(EXPERTS)]


def expert_levels(expert: str, video_shift: float, boundary_ratio: float) -> tuple[float, float]:
    """The expert's interval of unshifted levels, from (included) and to: at shift 5, 0.642857 divides the two."""
    boundary = unshift_sigma(boundary_ratio, video_shift)
    return (boundary, 1.0) if expert == HIGH_NOISE else (0.0, boundary)


def boundary_index(shift: float, boundary_ratio: float) -> int:
    """How many entries of the 1000-entry training table belong to the high-noise expert: 358 at shift 5."""
    timesteps = shifted_levels(TRAINING_STEPS, shift) * TRAINING_STEPS
    return int((timesteps >= boundary_ratio * TRAINING_STEPS).sum())
