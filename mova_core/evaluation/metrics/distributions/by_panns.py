"""Inception score, Fréchet and kernel distance of audio, over what PANNs Cnn14 says of each clip.

The embedding of the distances is that of Cnn14 (2048 numbers), as audioldm_eval takes it beside VGGish's; distances by
different embeddings do not compare.
Sources: OpenMOSS/MOVA, evaluation/metrics/audio_is_clap/IS.py; haoheliu/audioldm_eval.
"""

from typing import TYPE_CHECKING, cast

from mova_core.evaluation.measuring.context import Context
from mova_core.evaluation.measuring.metric import Distribution, Embedding
from mova_core.evaluation.metrics.distributions.statistics import (
    frechet_statistic,
    inception_statistic,
    kernel_statistic,
)
from mova_core.measures.clip import Clip, Unavailable

if TYPE_CHECKING:
    from mova_core.measures.models.panns.adapter import Cnn14Output, Panns


def _output(clip: Clip, context: Context) -> "Cnn14Output | Unavailable":
    panns = cast("Panns", context.adapter("panns"))
    return clip.get(panns.of_clip)


def _probabilities(clip: Clip, context: Context) -> Embedding | Unavailable:
    output = _output(clip, context)
    return output if isinstance(output, Unavailable) else output.probabilities


def _embedding(clip: Clip, context: Context) -> Embedding | Unavailable:
    output = _output(clip, context)
    return output if isinstance(output, Unavailable) else output.embedding


INCEPTION_SCORE = Distribution(_probabilities, inception_statistic, compares=False)
FRECHET_AUDIO_DISTANCE = Distribution(_embedding, frechet_statistic)
KERNEL_AUDIO_DISTANCE = Distribution(_embedding, kernel_statistic)
