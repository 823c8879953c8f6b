"""Inception score and Fréchet distance of audio, over what PANNs Cnn14 says of each clip.

The embedding of the distance is that of Cnn14 (2048 numbers), as audioldm_eval takes it beside VGGish's; distances by
different embeddings do not compare.
Sources: OpenMOSS/MOVA, evaluation/metrics/audio_is_clap/IS.py; haoheliu/audioldm_eval.
"""

from typing import TYPE_CHECKING, cast

from mova_core.evaluation.measuring.context import Context
from mova_core.evaluation.measuring.metric import Distribution, Embedding
from mova_core.evaluation.metrics.distributions.frechet_distance import Gaussian, frechet_distance
from mova_core.evaluation.metrics.distributions.inception_score import inception_score
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


def _inception_score(probabilities: Embedding, _reference: Embedding | None) -> float:
    return inception_score(probabilities)


def _frechet_distance(embeddings: Embedding, reference: Embedding | None) -> float | Unavailable:
    if reference is None or min(len(embeddings), len(reference)) < 2:
        return Unavailable("a Fréchet distance needs at least two clips and two reference clips")
    return frechet_distance(Gaussian.of_embeddings(embeddings), Gaussian.of_embeddings(reference))


INCEPTION_SCORE = Distribution(_probabilities, _inception_score, compares=False)
FRECHET_AUDIO_DISTANCE = Distribution(_embedding, _frechet_distance)
