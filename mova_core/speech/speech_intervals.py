"""From Silero's probabilities to intervals of speech, by the rule and the defaults of its package.

Speech begins with the first chunk that reaches the threshold, and ends where the probability falls 0.15 below it and
does not come back for 100 ms. Intervals shorter than 250 ms are dropped. Every interval is padded by 30 ms at each
side, or by half of the pause where two would meet. The package's own function is not called because importing it
imports torch, which costs a worker seconds and hundreds of MiB; the tests compare the two.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise

from mova_core.speech.audio import SPEECH_RATE_HZ

CHUNK_SAMPLES = 512
FALL = 0.15  # of the probability, below the threshold, that ends speech
LEAST_FLOOR = 0.01
LEAST_SPEECH = SPEECH_RATE_HZ * 250 // 1000  # samples
LEAST_PAUSE = SPEECH_RATE_HZ * 100 // 1000
PAD = SPEECH_RATE_HZ * 30 // 1000


def speech_intervals(probabilities: Iterable[float], threshold: float, samples: int) -> list[list[int]]:
    """Intervals of speech as [start, end], samples.

    Args:
        probabilities: of each chunk, in order.
        threshold: from which a chunk counts as speech, 0..1.
        samples: of the whole audio.
    """
    return _padded(list(_unpadded(probabilities, threshold, samples)), samples)


def _unpadded(probabilities: Iterable[float], threshold: float, samples: int) -> Iterator[list[int]]:
    floor = max(threshold - FALL, LEAST_FLOOR)
    begun: int | None = None
    quiet_since: int | None = None
    for chunk, probability in enumerate(probabilities):
        place = chunk * CHUNK_SAMPLES
        if probability >= threshold:
            begun = place if begun is None else begun
            quiet_since = None
        elif begun is not None and probability < floor:
            quiet_since = place if quiet_since is None else quiet_since
            if place - quiet_since >= LEAST_PAUSE:
                if quiet_since - begun > LEAST_SPEECH:
                    yield [begun, quiet_since]
                begun = quiet_since = None
    if begun is not None and samples - begun > LEAST_SPEECH:
        yield [begun, samples]


def _padded(intervals: list[list[int]], samples: int) -> list[list[int]]:
    between = [min(PAD, (later[0] - earlier[1]) // 2) for earlier, later in pairwise(intervals)]
    return [
        [max(0, start - early), min(samples, end + late)]
        for (start, end), early, late in zip(intervals, [PAD, *between], [*between, PAD], strict=False)
    ]
