"""Inception score: how sure a classifier is of each clip, and how many classes all clips together spread over.

score = exp(mean over clips of KL(p(class | clip) ‖ p(class))), from 1 (every clip alike) to the number of classes. Few
clips bias it downwards, and no N clips can score above N. The MOVA report's evaluation takes all clips as one split;
image papers take ten and give the mean.
Shape suffixes: N clips, K classes.
Sources: T. Salimans and others, "Improved techniques for training GANs" (arXiv:1606.03498), section 4; one split:
repository OpenMOSS/MOVA, evaluation/metrics/audio_is_clap/IS.py.
"""

import numpy as np
from numpy.typing import NDArray

from mova_core.errors import ShapeError

SUM_TOLERANCE = 1e-3  # of a row of float32 probabilities


def inception_score(probabilities_NK: NDArray[np.floating], splits: int = 1) -> float:
    """Mean of the scores of `splits` runs of clips, in their order, of equal length as far as N allows.

    Args:
        probabilities_NK: p(class | clip); each row sums to 1.
        splits: how many; each has a p(class) of its own.

    Raises:
        ShapeError: rows are no probabilities, or there are more splits than clips.
    """
    probabilities = probabilities_NK.astype(np.float64)
    sums = probabilities.sum(axis=1)
    if not (np.abs(sums - 1) <= SUM_TOLERANCE).all() or (probabilities < 0).any():
        raise ShapeError(
            f"an inception score needs the probabilities of each clip to be at least 0 and to sum to 1, and they sum "
            f"to {sums.min():g} to {sums.max():g}: apply a softmax to the classifier's logits"
        )
    if not 1 <= splits <= len(probabilities):
        raise ShapeError(
            f"an inception score of {len(probabilities)} clips cannot have {splits} splits: at most one a clip"
        )
    return float(np.mean([_score(split) for split in np.array_split(probabilities / sums[:, None], splits)]))


def _score(probabilities_NK: NDArray[np.float64]) -> float:
    overall = np.broadcast_to(probabilities_NK.mean(axis=0), probabilities_NK.shape)
    there = probabilities_NK > 0  # 0 log 0 is 0
    logs = np.zeros_like(probabilities_NK)
    logs[there] = np.log(probabilities_NK[there] / overall[there])
    return max(1.0, float(np.exp((probabilities_NK * logs).sum(axis=1).mean())))  # rounding can leave a little less
