"""What two sources share, compared step by step at the shifts that are worth a look.

A stretch is a copy where pictures and sound agree, or pictures alone where neither sound changes. Likeness is 1 for
equal pictures and 0 for unrelated ones; with sound, the mean of that and of how alike levels change. What neither moves
nor sounds (black, a title card over silence) is evidence of nothing.
Times are steps of the signatures' grid; source step k is the other's step k + shift.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mova_core.curation.dedup.fingerprints import (
    BANDS,
    COLOUR_STEPS,
    HASH_BITS,
    LEVELS_PER_DB,
    NO_HASH,
    STEPS_PER_S,
    Signature,
)
from mova_core.params import NearDuplicateParams

SMOOTH_STEPS = 32  # 4 s: agreement is judged over so much
QUIET_DB = 50.0  # below a source's loudest level; what lies deeper is its codec's
LEAST_CHANGE_DB = 1.0  # of levels within a quarter of a second, root mean square; less is silence or a hum
SLIP_STEPS = 8  # 1 s, up to which sound that was put out of step with its pictures is looked for
SLIP_BITS = 1.5  # by which pictures then agree better at another shift than at the sound's
LEAST_MOTION_BITS = 8.0  # by which pictures SMOOTH_STEPS apart differ; less looks the same at any shift
LEAST_PICTURE = 0.6  # likeness of the same picture, however well the sound agrees
UNLIKE_BITS = HASH_BITS / 2  # between a picture and none, as between two that have nothing in common

Reals = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Steps [start, end) of one source that another one shows as well.

    Args:
        is_copy: the sound agrees too, or neither has any.
        video_distance_bits: mean distance of the hashes, of 63.
        audio_similarity: -1..1; None where neither has sound that changes.
    """

    start: int
    end: int
    shift: int
    is_copy: bool
    video_distance_bits: float
    audio_similarity: float | None

    @property
    def likeness(self) -> float:
        """Of pictures and, where it agrees, sound; at most 1."""
        picture = 1 - self.video_distance_bits / UNLIKE_BITS
        return picture if self.audio_similarity is None or not self.is_copy else (picture + self.audio_similarity) / 2


def shared_stretches(
    source: Signature, other: Signature, shifts: Iterable[int], params: NearDuplicateParams
) -> list[Stretch]:
    """Stretches of `source` that `other` has too, by start; no two overlap.

    Args:
        shifts: worth a look; the one at which the sounds agree best is added, for a still picture tells none.
    """
    own, its = _Side.of(source), _Side.of(other)
    found = [
        stretch
        for shift in sorted({*shifts, *_sound_shift(own, its)})
        for stretch in _Aligned.at(own, its, shift).stretches(params)
    ]
    found = [_in_step(own, its, stretch) for stretch in found]
    # Longest and closest first: a slow film agrees with itself a little later too.
    found.sort(key=lambda one: (not one.is_copy, (one.start - one.end) * one.likeness, one.shift))
    kept: list[Stretch] = []
    for stretch in found:
        if all(stretch.end <= one.start or one.end <= stretch.start for one in kept):
            kept.append(stretch)
    return sorted(kept, key=lambda one: one.start)


@dataclass(frozen=True, slots=True)
class _Side:
    """One of two sources: its signature, and by how much its levels change around each step of sound, dB [S, 16]."""

    signature: Signature
    changes: Reals

    @classmethod
    def of(cls, signature: Signature) -> "_Side":
        levels = signature.levels.astype(float) / LEVELS_PER_DB
        levels = np.maximum(levels, levels.max(initial=0.0) - QUIET_DB)
        changes = np.zeros_like(levels)
        changes[1:-1] = levels[2:] - levels[:-2]
        return cls(signature, changes)

    def hashes_of(self, begin: int, end: int) -> NDArray[np.uint64]:
        """Of steps [begin, end); `NO_HASH` outside."""
        return _cut_out(self.signature.hashes, self.signature.picture_first, begin, end)

    def colours_of(self, begin: int, end: int) -> Reals:
        """Of steps [begin, end), mean Cr and Cb, [N, 2]; 0 outside."""
        return _cut_out(self.signature.colours, self.signature.picture_first, begin, end).astype(float)

    def changes_of(self, begin: int, end: int) -> Reals:
        """Of steps [begin, end), dB [N, 16]; 0 outside."""
        return _cut_out(self.changes, self.signature.sound_first, begin, end)


@dataclass(frozen=True, slots=True)
class _Aligned:
    """Two sources compared at one shift, a value for each step in which both have a picture.

    Args:
        own, its: the source and the other one.
        begin: first step of the source.
        shift: of the other one against it.
        bits: distance of the two pictures.
        colour: by how much their mean colours differ, of 255.
        seen: 1.0 where at least one of them has a hash.
    """

    own: _Side
    its: _Side
    begin: int
    shift: int
    bits: Reals
    colour: Reals
    seen: Reals

    @classmethod
    def at(cls, own: _Side, its: _Side, shift: int) -> "_Aligned":
        first, its_first = own.signature.picture_first, its.signature.picture_first - shift
        begin = max(first, its_first)
        end = max(begin, min(first + len(own.signature.hashes), its_first + len(its.signature.hashes)))
        shown, others = own.hashes_of(begin, end), its.hashes_of(begin + shift, end + shift)
        # The other one's grid lies up to half a step beside: its picture before or after may be the same one.
        beside = (its.hashes_of(begin + shift + by, end + shift + by) for by in (-1, 1))
        bits = np.min([np.bitwise_count(shown ^ one) for one in (others, *beside)], axis=0).astype(float)
        bits[(shown == NO_HASH) != (others == NO_HASH)] = UNLIKE_BITS
        return cls(
            own=own,
            its=its,
            begin=begin,
            shift=shift,
            bits=bits,
            colour=np.abs(own.colours_of(begin, end) - its.colours_of(begin + shift, end + shift)).max(
                axis=1, initial=0
            ),
            seen=((shown != NO_HASH) | (others != NO_HASH)).astype(float),
        )

    def stretches(self, params: NearDuplicateParams) -> Iterator[Stretch]:
        """Where pictures agree: with sound that agrees, or with other sound."""
        least = round(params.overlap_s_at_least * STEPS_PER_S)
        seen = _smooth(self.seen)
        picture = 1 - _smooth(self.bits * self.seen) / np.maximum(seen, 1) / UNLIKE_BITS
        same_picture = picture >= LEAST_PICTURE
        same_picture &= _smooth(self.colour * self.seen) <= COLOUR_STEPS * seen
        if not same_picture.any():
            return
        both, change = self._heard()
        changed = _smooth(change)
        has_sound = changed >= _smooth(np.full(len(change), BANDS * LEAST_CHANGE_DB**2))
        alike = picture >= params.similarity_at_least
        sound = _smooth(both) / np.maximum(changed, 1)
        same_sound = (picture + sound) / 2 >= params.similarity_at_least
        copied = np.where(has_sound, same_sound, alike)
        for is_copy, agree in ((True, copied), (False, alike & ~copied)):
            for middle_start, middle_end in _runs(same_picture & agree):
                start, end = self._reach(middle_start, middle_end)
                place = slice(start, end)
                if end - start < least or not self.seen[place].any():
                    continue
                sounds = bool(has_sound[place].mean() >= 0.5)
                if (is_copy and sounds) or self._motion(start, end) >= LEAST_MOTION_BITS:
                    yield Stretch(
                        start=self.begin + start,
                        end=self.begin + end,
                        shift=self.shift,
                        is_copy=is_copy,
                        video_distance_bits=float(self.bits[place].sum() / self.seen[place].sum()),
                        audio_similarity=float(both[place].sum() / change[place].sum()) if sounds else None,
                    )

    def _heard(self) -> tuple[Reals, Reals]:
        """Of the two changes of level, summed over bands, dB^2: their product, and the mean of their squares."""
        end = self.begin + len(self.bits)
        own = self.own.changes_of(self.begin, end)
        its = self.its.changes_of(self.begin + self.shift, end + self.shift)
        return (own * its).sum(axis=1), (own**2 + its**2).sum(axis=1) / 2

    def _motion(self, start: int, end: int) -> float:
        """Mean distance of the source's pictures and its own SMOOTH_STEPS later; 0 for those that have none."""
        begin, end = self.begin + start, self.begin + end
        shown = self.own.hashes_of(begin, end)
        later = self.own.hashes_of(begin + SMOOTH_STEPS, end + SMOOTH_STEPS)
        return float(np.where(later == NO_HASH, 0, np.bitwise_count(shown ^ later)).mean())

    def _reach(self, start: int, end: int) -> tuple[int, int]:
        """From the middles of the spans judged to their ends, less what does not agree there."""
        start, end = max(0, start - SMOOTH_STEPS // 2), min(len(self.bits), end + SMOOTH_STEPS // 2)
        agree = np.flatnonzero(self.bits[start:end] <= (1 - LEAST_PICTURE) * UNLIKE_BITS)
        return (start + int(agree[0]), start + int(agree[-1]) + 1) if len(agree) else (start, start)


def _in_step(own: _Side, its: _Side, stretch: Stretch) -> Stretch:
    """The stretch, or no copy where its pictures agree better at another shift than the sound: one is out of step."""
    if not stretch.is_copy or stretch.audio_similarity is None:
        return stretch
    shown = own.hashes_of(stretch.start, stretch.end)
    for slip in (slip for slip in range(-SLIP_STEPS, SLIP_STEPS + 1) if abs(slip) > 1):
        shift = stretch.shift + slip
        bits = np.bitwise_count(shown ^ its.hashes_of(stretch.start + shift, stretch.end + shift)).mean()
        if bits < stretch.video_distance_bits - SLIP_BITS:
            return replace(stretch, is_copy=False)
    return stretch


def _sound_shift(own: _Side, its: _Side) -> list[int]:
    """The shift at which the two sounds' changes agree best; none where one has no sound."""
    if not len(own.changes) or not len(its.changes):
        return []
    size = 1 << (len(own.changes) + len(its.changes)).bit_length()
    own_spectrum, its_spectrum = (np.fft.rfft(side.changes, size, axis=0) for side in (own, its))
    lag = int(np.argmax(np.fft.irfft((own_spectrum.conj() * its_spectrum).sum(axis=1), size)))
    lag -= size if lag > size // 2 else 0
    return [lag + its.signature.sound_first - own.signature.sound_first]


def _cut_out(values: Any, first: int, begin: int, end: int) -> Any:
    """Values of steps [begin, end) of an array whose first value is of step `first`; zero outside."""
    out = np.zeros((end - begin, *values.shape[1:]), values.dtype)
    start, stop = max(begin, first), min(end, first + len(values))
    if start < stop:
        out[start - begin : stop - begin] = values[start - first : stop - first]
    return out


def _smooth(values: Reals) -> Reals:
    """Sums over SMOOTH_STEPS around each step, fewer at the ends."""
    count, half = len(values), SMOOTH_STEPS // 2
    sums = np.zeros(count + SMOOTH_STEPS + 1)
    np.cumsum(values, out=sums[half + 1 : half + 1 + count])
    sums[half + 1 + count :] = sums[half + count]
    return sums[SMOOTH_STEPS : SMOOTH_STEPS + count] - sums[:count]


def _runs(flags: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """[start, end) of each run of True."""
    edges = np.flatnonzero(np.diff(np.r_[False, flags, False]))
    return zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
