"""What a distribution of embeddings is judged by, in the form that `Distribution.statistic` has."""

from mova_core.evaluation.measuring.metric import Embedding
from mova_core.evaluation.metrics.distributions.frechet_distance import Gaussian, frechet_distance
from mova_core.evaluation.metrics.distributions.inception_score import inception_score
from mova_core.evaluation.metrics.distributions.kernel_distance import kernel_distance
from mova_core.measures.clip import Unavailable

FEWEST = 2  # clips, for a covariance or a pair


def frechet_statistic(embeddings_ND: Embedding, against_MD: Embedding | None) -> float | Unavailable:
    """Fréchet distance of embeddings to those of reference clips."""
    if isinstance(against := _two_or_more(embeddings_ND, against_MD), Unavailable):
        return against
    return frechet_distance(Gaussian.of_embeddings(embeddings_ND), Gaussian.of_embeddings(against))


def kernel_statistic(embeddings_ND: Embedding, against_MD: Embedding | None) -> float | Unavailable:
    """Kernel distance of embeddings to those of reference clips."""
    if isinstance(against := _two_or_more(embeddings_ND, against_MD), Unavailable):
        return against
    return kernel_distance(embeddings_ND, against)


def inception_statistic(probabilities_NK: Embedding, against_MK: Embedding | None) -> float | Unavailable:
    """Inception score of class probabilities, all clips in one split; nothing is compared."""
    return inception_score(probabilities_NK)


def _two_or_more(embeddings_ND: Embedding, against_MD: Embedding | None) -> Embedding | Unavailable:
    """The reference, where both sides have enough clips."""
    if against_MD is None or len(against_MD) < FEWEST:
        return Unavailable(f"it needs at least {FEWEST} reference clips")
    if len(embeddings_ND) < FEWEST:
        return Unavailable(f"it needs at least {FEWEST} clips")
    return against_MD
