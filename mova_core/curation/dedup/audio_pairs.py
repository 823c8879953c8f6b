"""Find pairs of sources that may share audio, and at which time shifts, without comparing each with every other.

The hash is a word of 24 bits at each step: whether the levels of eight pairs of bands rise or fall there, a quarter and
half a second later. An inverted index holds the words of all sources. It is asked for the words of each source on its
grid and half a step beside, each also with its least certain bits the other way: another codec and a cut at any moment
change those. As in `candidate_pairs.py`, the entries that were found vote for time shifts.
After Haitsma and Kalker, "A Highly Robust Audio Fingerprinting System" (ISMIR 2002), section 5 (least reliable bits).
"""

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from mova_core.curation.dedup.candidate_pairs import BIN_STEPS, LEADERS, Integers, voted_pairs
from mova_core.curation.dedup.fingerprints import BANDS, LEAST_CHANGE_DB, Fingerprint, Reals, level_changes

WORD_AT = (0, 2, 4)  # steps after a word's own whose bands it tells of
WORD_BITS = len(WORD_AT) * BANDS // 2
UNSURE_BITS = 3  # of a word, asked for both ways
LEAST_VOTES = 4  # of a bin that is looked at
BLOCK_STEPS = 100_000  # of audio that ask at once: bounds memory


def audio_pairs(fingerprints: list[Fingerprint]) -> Iterator[tuple[int, int, list[int]]]:
    """Pairs of sources (in rank) whose audio agrees in something: (source, one of better rank, shifts), in order."""
    keys, owners, steps = _index(fingerprints)
    if not len(keys):
        return
    longest = max(len(one.levels) + abs(one.audio_first) for one in fingerprints) + 2 * BIN_STEPS
    begin = 0
    while begin < len(fingerprints):
        end, waiting = begin, 0
        while end < len(fingerprints) and (end == begin or waiting + len(fingerprints[end].levels) <= BLOCK_STEPS):
            waiting += len(fingerprints[end].levels)
            end += 1
        asked = [_questions(fingerprints[owner], owner) for owner in range(begin, end)]
        words, askers, moments = (np.concatenate(each) for each in zip(*asked, strict=True))
        first = np.searchsorted(keys, words)
        pairs, shifts = [], []
        for number in range(LEADERS):
            told = first + number
            held = told < len(keys)
            held[held] = (keys[told[held]] == words[held]) & (owners[told[held]] < askers[held])
            pairs.append(askers[held] * len(fingerprints) + owners[told[held]])
            shifts.append(steps[told[held]] - moments[held])
        yield from voted_pairs(
            np.concatenate(pairs), np.concatenate(shifts), len(fingerprints), longest, least_votes=LEAST_VOTES
        )
        begin = end


def _index(fingerprints: list[Fingerprint]) -> tuple[Integers, Integers, Integers]:
    """Entries by word, then rank, then time: what, whose, and when, int64 [N]."""
    entries = []
    for owner, fingerprint in enumerate(fingerprints):
        words, steps, _ = _words(level_changes(fingerprint), fingerprint.audio_first)
        entries.append((words, np.full(len(words), owner), steps))
    if not entries:
        return (np.zeros(0, np.int64),) * 3
    key, owner_of, step = (np.concatenate(each) for each in zip(*entries, strict=True))
    order = np.lexsort((step, owner_of, key))
    return key[order], owner_of[order], step[order]


def _questions(fingerprint: Fingerprint, owner: int) -> tuple[Integers, Integers, Integers]:
    """Words that a source asks for, who asks, and of which step: on the grid and half a step later."""
    changes = level_changes(fingerprint)
    asked = []
    for moved in (changes, (changes[1:] + changes[:-1]) / 2):
        words, steps, unsure = _words(moved, fingerprint.audio_first)
        for count in range(UNSURE_BITS + 1):
            for bits in combinations(range(UNSURE_BITS), count):
                asked.append((words ^ unsure[:, list(bits)].sum(axis=1), steps))
    words, steps = (np.concatenate(each) for each in zip(*asked, strict=True))
    return words, np.full(len(words), owner), steps


def _words(changes: Reals, first: int) -> tuple[Integers, Integers, Integers]:
    """Words of the steps at which the audio changes throughout, their steps, and the least certain bits of each.

    Args:
        changes: of levels, dB [S, 16].
        first: the step of the first of them.
    """
    count = max(0, len(changes) - WORD_AT[-1])
    pairs = changes[:, 0::2] + changes[:, 1::2]
    told = np.concatenate([pairs[at : at + count] for at in WORD_AT], axis=1)
    lively = (np.square(changes).mean(axis=1) >= LEAST_CHANGE_DB**2).astype(int)
    throughout = np.flatnonzero(sum(lively[at : at + count] for at in WORD_AT) == len(WORD_AT))
    told = told[throughout]
    places = np.int64(1) << np.arange(WORD_BITS)
    unsure = np.argsort(np.abs(told), axis=1, kind="stable")[:, :UNSURE_BITS]
    return (told > 0) @ places, throughout + first, places[unsure]
