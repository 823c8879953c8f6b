"""Intervals in which two sources play the same audio, however short, where audio of that length does not repeat itself.

Agreement is the normalised product of level changes: 1 for equal audio, about 0 for unrelated audio. Another codec, and
a grid that lies up to a quarter of a step beside, leave it near 0.9. Where as much audio agrees with another moment of
the same source too (a loop, steps, a machine), agreement says nothing about where it was recorded, unless it is long.
Times are steps of the fingerprints' grid; source step k is the other source's step k + shift.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from mova_core.curation.dedup.fingerprints import BANDS, LEAST_CHANGE_DB, STEPS_PER_S, Fingerprint, Reals, level_changes
from mova_core.curation.dedup.overlaps import runs
from mova_core.params import NearDuplicateParams

SMOOTH_STEPS = 12  # 1.5 s: agreement is judged over so much
LEAST_WHILE = 0.75  # agreement over so much
LEAST_AGREEMENT = 0.88  # over a whole interval
MOST_REPETITION = 0.75  # of audio that says where it was recorded
FAR_STEPS = 4  # what lies nearer is the same moment
NEARBY_STEPS = 240  # 30 s, within which repetition is looked for
REACH_STEPS = 2  # a change is told by the levels before and after, each over half a second


@dataclass(frozen=True, slots=True)
class SharedAudio:
    """Steps [start, end) of one source that another one plays as well; `shift` may lie between two steps."""

    start: int
    end: int
    shift: float
    similarity: float


def shared_audio(
    source: Fingerprint, other: Fingerprint, shifts: Iterable[int], params: NearDuplicateParams
) -> list[SharedAudio]:
    """Intervals of `source` whose audio `other` has too, by start; no two overlap.

    Args:
        source, other: the two.
        shifts: to compare at, and half a step beside.
        params: from which length on audio may repeat itself, and the least length of audio that does not.
    """
    own, its = level_changes(source), level_changes(other)
    between = np.zeros_like(its)
    between[:-1] = (its[1:] + its[:-1]) / 2
    found = []
    for shift in sorted(set(shifts)):
        for late, played in ((0.0, its), (0.5, between)):
            found += _at_shift(own, played, shift + late, source.audio_first - other.audio_first)
    least = round(params.overlap_s_at_least * params.distinct_share * STEPS_PER_S)
    found.sort(key=lambda one: ((one.start - one.end) * one.similarity, one.shift))
    kept: list[SharedAudio] = []
    for one in found:
        if all(one.end <= before.start or before.end <= one.start for before in kept):
            kept.append(one)
    # Reach is added last: neighbours that follow each other at different shifts may share their border.
    reached = [_reached(one, source, other) for one in kept]
    long = round(params.overlap_s_at_least * STEPS_PER_S)
    return sorted(
        (
            one
            for one in reached
            if one.end - one.start >= least
            and (one.end - one.start >= long or not _repeats(one, source, other, own, its))
        ),
        key=lambda one: one.start,
    )


def _at_shift(own: Reals, its: Reals, shift: float, first: int) -> list[SharedAudio]:
    """Intervals in indices of `own`, whose first step lies `first` steps after that of `its`."""
    offset = int(shift // 1) + first  # index of its = index of own + offset
    begin, end = max(0, -offset), min(len(own), len(its) - offset)
    if end - begin < SMOOTH_STEPS:
        return []
    one, two = own[begin:end], its[begin + offset : end + offset]
    both, change = (one * two).sum(axis=1), (np.square(one) + np.square(two)).sum(axis=1) / 2
    together, changed = _sums(both, SMOOTH_STEPS), _sums(change, SMOOTH_STEPS)
    lively = changed >= SMOOTH_STEPS * BANDS * LEAST_CHANGE_DB**2
    same = lively & (together >= LEAST_WHILE * changed)
    found = []
    for low, high in runs(same):
        start, stop = low, high - 1 + SMOOTH_STEPS
        agree = np.flatnonzero(both[start:stop] >= LEAST_WHILE * change[start:stop])
        if not len(agree):
            continue
        start, stop = start + int(agree[0]), start + int(agree[-1]) + 1
        similarity = float(both[start:stop].sum() / max(change[start:stop].sum(), 1e-9))
        if similarity >= LEAST_AGREEMENT:
            found.append(SharedAudio(begin + start, begin + stop, shift, similarity))
    return found


def _reached(one: SharedAudio, source: Fingerprint, other: Fingerprint) -> SharedAudio:
    """From changes to the audio that they were taken from, in steps instead of indices."""
    first, last = source.audio_first, source.audio_first + len(source.levels)
    its_first, its_last = (edge - one.shift for edge in (other.audio_first, other.audio_first + len(other.levels)))
    low, high = max(first, int(np.ceil(its_first))), min(last, int(its_last))
    return SharedAudio(
        max(low, one.start + first - REACH_STEPS), min(high, one.end + first + REACH_STEPS), one.shift, one.similarity
    )


def _repeats(one: SharedAudio, source: Fingerprint, other: Fingerprint, own: Reals, its: Reals) -> bool:
    """Whether as much audio as the interval's, around it in either source, agrees with another moment nearby."""
    start, length = one.start - source.audio_first, one.end - one.start
    there = round(one.start + one.shift) - other.audio_first
    return _repeats_nearby(own, start, length) or _repeats_nearby(its, there, length)


def _repeats_nearby(changes: Reals, start: int, length: int) -> bool:
    """Whether any `length` steps agree with as many some moments later, all within a distance of an interval."""
    around = changes[max(0, start - NEARBY_STEPS) : start + length + NEARBY_STEPS]
    power = np.square(around).sum(axis=1)
    for lag in range(FAR_STEPS, min(NEARBY_STEPS, len(around) - length) + 1):
        together = _sums((around[lag:] * around[:-lag]).sum(axis=1), length)
        changed = _sums((power[lag:] + power[:-lag]) / 2, length)
        lively = changed >= length * BANDS * LEAST_CHANGE_DB**2
        if (together[lively] > MOST_REPETITION * changed[lively]).any():
            return True
    return False


def _sums(values: Reals, length: int) -> Reals:
    """Of each `length` in a row."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    return total[length:] - total[:-length]
