"""Fréchet and kernel distance of video, over VideoMAE's embedding of each clip.

FVD as first published takes an I3D network; distances by different embeddings do not compare.
Sources: arXiv:1812.01717 (FVD and KVD); S. Ge et al., "On the Content Bias in Fréchet Video Distance" (CVPR 2024),
for VideoMAE in place of I3D.
"""

from typing import TYPE_CHECKING, cast

from mova_core.evaluation.measuring.context import Context
from mova_core.evaluation.measuring.metric import Distribution, Embedding
from mova_core.evaluation.metrics.distributions.statistics import frechet_statistic, kernel_statistic
from mova_core.measures.clip import Clip, Unavailable

if TYPE_CHECKING:
    from mova_core.measures.models.videomae.adapter import VideoMAE


def _embedding(clip: Clip, context: Context) -> Embedding | Unavailable:
    videomae = cast("VideoMAE", context.adapter("videomae"))
    return clip.get(videomae.of_clip)


FRECHET_VIDEO_DISTANCE = Distribution(_embedding, frechet_statistic)
KERNEL_VIDEO_DISTANCE = Distribution(_embedding, kernel_statistic)
