"""Find pairs of sources that may overlap, and at which time shifts, without comparing every source with every other.

An inverted index: each hash is cut into three parts; where several parts of two sources agree at one time shift, that
shift becomes a candidate. Only the best-ranked entries of a part's list are looked up, so a thousand copies of one film
cost a thousand look-ups. Times are steps of the fingerprints' grid; source step k is the other source's step k + shift.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mova_core.curation.dedup.fingerprints import COLOUR_STEPS, HASH_BITS, NO_HASH, Fingerprint

PARTS = 3  # of a hash: two that differ in 2 bits share one part for certain, in 6 bits one time in three
PART_BITS = HASH_BITS // PARTS
LEADERS = 16  # entries of one list that answer for it
BIN_STEPS = 4  # shifts are voted for in bins of 1 s that overlap by half
LEAST_VOTES = 6  # of a bin that is looked at; a still frame gives just as many: 3 parts on 2 grids
MOST_BINS = 8  # of one pair, those with most votes: footage that resembles itself votes for all of them
BLOCK_ENTRIES = 1_000_000  # of the index that ask at once: bounds memory

Integers = NDArray[np.int64]


def candidate_pairs(fingerprints: list[Fingerprint]) -> Iterator[tuple[int, int, list[int]]]:
    """Pairs of sources (in rank) that agree in something: (source, one of better rank, shifts), in order."""
    keys, owners, steps = _index(fingerprints)
    if not len(keys):
        return
    starts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]])
    list_start = np.repeat(starts, np.diff(np.r_[starts, len(keys)]))
    longest = int(np.ptp(steps)) + 2 * BIN_STEPS  # no shift is larger
    counts = np.bincount(owners, minlength=len(fingerprints))
    block_of = (np.cumsum(counts) - counts) // BLOCK_ENTRIES
    for block in np.unique(block_of):
        asking = np.flatnonzero(block_of[owners] == block)
        pairs, shifts = [], []
        for number in range(LEADERS):
            ask, told = asking, list_start[asking] + number
            ask, told = ask[told < ask], told[told < ask]
            ask, told = ask[owners[ask] != owners[told]], told[owners[ask] != owners[told]]
            pairs.append(owners[ask] * len(fingerprints) + owners[told])
            shifts.append(steps[told] - steps[ask])
        yield from voted_pairs(
            np.concatenate(pairs), np.concatenate(shifts), len(fingerprints), longest, least_votes=LEAST_VOTES
        )


def voted_pairs(
    pair_of: Integers, shift_of: Integers, sources: int, longest: int, *, least_votes: int
) -> Iterator[tuple[int, int, list[int]]]:
    """Pairs of sources with the shifts that enough entries vote for: (source, one of better rank, shifts), in order.

    Args:
        pair_of: of each vote, the source's rank x `sources` + the other one's.
        shift_of: of each vote.
        sources: how many there are.
        longest: a bound of all shifts.
        least_votes: of a bin of shifts that is kept.
    """
    bins = 2 * longest // BIN_STEPS + 2
    place = pair_of * bins + (shift_of + longest) // BIN_STEPS
    places, votes = np.unique(np.concatenate([place, place + 1]), return_counts=True)
    places, votes = places[votes >= least_votes], votes[votes >= least_votes]
    pairs = places // bins
    edges = np.flatnonzero(np.diff(pairs, prepend=-1, append=-1)).tolist()
    for begin, end in pairwise(edges):
        pair = pairs[begin]
        most = begin + np.argsort(-votes[begin:end], kind="stable")[:MOST_BINS]
        ends = (places[most] % bins + 1) * BIN_STEPS - longest
        shifts = sorted({int(end) - back for end in ends for back in range(1, 2 * BIN_STEPS + 1)})
        yield int(pair) // sources, int(pair) % sources, shifts


def _index(fingerprints: list[Fingerprint]) -> tuple[Integers, Integers, Integers]:
    """Entries by part of a hash and colour, then rank, then time: what, whose, and when, int64 [N].

    Colours are told apart on two grids, one half a mesh beside the other: what differs little meets on one at least.
    What stays the same is entered once, when it begins.
    """
    keys, owners, steps = [], [], []
    for owner, fingerprint in enumerate(fingerprints):
        for grid in range(2):
            mesh = (fingerprint.colours.astype(np.int64) + grid * COLOUR_STEPS) // (2 * COLOUR_STEPS)
            colour = (mesh[:, 0] * 12 + mesh[:, 1]) * 2 + grid  # 0..11 each
            for part in range(PARTS):
                values = (fingerprint.hashes >> np.uint64(part * PART_BITS)).astype(np.int64) % 2**PART_BITS
                key = (values * PARTS + part) * 512 + colour
                begins = np.flatnonzero((fingerprint.hashes != NO_HASH) & (np.r_[-1, key[:-1]] != key))
                keys.append(key[begins])
                owners.append(np.full(len(begins), owner))
                steps.append(begins + fingerprint.video_first)
    if not keys:
        return (np.zeros(0, np.int64),) * 3
    key, owner_of, step = np.concatenate(keys), np.concatenate(owners), np.concatenate(steps)
    order = np.lexsort((step, owner_of, key))
    return key[order], owner_of[order], step[order]
