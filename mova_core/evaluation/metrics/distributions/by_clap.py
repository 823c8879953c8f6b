"""Fréchet and kernel distance of audio, over CLAP's embedding of each clip.

Embeddings have length 1, so that distances are small numbers; distances by different embeddings do not compare.
Source: A. Gui and others, "Adapting Frechet Audio Distance for Generative Music Evaluation" (arXiv:2311.01616), which
takes LAION's CLAP among others.
"""

from typing import TYPE_CHECKING, cast

from mova_core.evaluation.measuring.context import Context
from mova_core.evaluation.measuring.metric import Distribution, Embedding
from mova_core.evaluation.metrics.distributions.statistics import frechet_statistic, kernel_statistic
from mova_core.measures.clip import Clip, Unavailable

if TYPE_CHECKING:
    from mova_core.measures.models.clap import Clap


def _embedding(clip: Clip, context: Context) -> Embedding | Unavailable:
    clap = cast("Clap", context.adapter("clap"))
    return clip.get(clap.of_clip)


FRECHET_AUDIO_DISTANCE = Distribution(_embedding, frechet_statistic)
KERNEL_AUDIO_DISTANCE = Distribution(_embedding, kernel_statistic)
