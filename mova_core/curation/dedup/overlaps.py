"""Compare two sources step by step at given time shifts, and list the intervals that both contain.

An overlap is a copy where video and audio agree, or where the video agrees and neither audio changes. Video similarity
is 1 for equal frames and 0 for unrelated ones; with audio, the similarity is the mean of that and of the agreement of
level changes. Parts without motion and without audio (black, a title card over silence) count for nothing.
Times are steps of the fingerprints' grid; source step k is the other source's step k + shift.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mova_core.curation.dedup.fingerprints import (
    BANDS,
    COLOUR_STEPS,
    HASH_BITS,
    LEAST_CHANGE_DB,
    NO_HASH,
    STEPS_PER_S,
    Fingerprint,
    Reals,
    level_changes,
)
from mova_core.params import NearDuplicateParams

SMOOTH_STEPS = 32  # 4 s: agreement is judged over so much
SLIP_STEPS = 8  # 1 s, up to which audio that was put out of step with its frames is looked for
SLIP_BITS = 1.5  # by which frames then agree better at another shift than at the audio's
LEAST_MOTION_BITS = 8.0  # by which frames SMOOTH_STEPS apart differ; less looks the same at any shift
LEAST_VIDEO = 0.6  # similarity of the same frame, however well the audio agrees
LEAST_COMPARED = 0.5  # of an interval in which both have frames
UNLIKE_BITS = HASH_BITS / 2  # between a frame and none, as between two that have nothing in common


Frames = Literal["same", "cropped", "mirrored", "none"]
"""How the frames of two sources agree; `none`: one of them is of audio alone, or shows nothing."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """Steps [start, end) of one source that another one shows as well.

    Args:
        is_copy: the audio agrees too, or neither has any.
        video_distance_bits: mean distance of the hashes, of 63; None where `frames` says why they are not compared.
        audio_similarity: -1..1; None where neither has audio that changes.
        frames: how those of one are made from those of the other.
    """

    start: int
    end: int
    shift: float
    is_copy: bool
    video_distance_bits: float | None
    audio_similarity: float | None
    frames: Frames = "same"

    @property
    def similarity(self) -> float:
        """Of frames and, where it agrees, audio; at most 1."""
        image = image_similarity(self.video_distance_bits or 0.0)
        return image if self.audio_similarity is None or not self.is_copy else (image + self.audio_similarity) / 2


def image_similarity(distance_bits: float) -> float:
    """Of frames whose hashes are so far apart: 1 equal, 0 unrelated."""
    return 1 - distance_bits / UNLIKE_BITS


def find_overlaps(
    source: Fingerprint, other: Fingerprint, shifts: Iterable[int], params: NearDuplicateParams
) -> list[Overlap]:
    """Intervals of `source` that `other` has too, by start; no two overlap.

    Args:
        shifts: to compare at; the shift at which the audio agrees best is added, because a still frame suggests none.
    """
    own, its = _Source.of(source), _Source.of(other)
    found = [
        overlap
        for shift in sorted({*shifts, *_audio_shift(own, its)})
        for overlap in _Aligned.at(own, its, shift).overlaps(params)
    ]
    found = [_in_step(own, its, overlap) for overlap in found]
    # Longest and closest first: a slow film agrees with itself a little later too.
    found.sort(key=lambda one: (not one.is_copy, (one.start - one.end) * one.similarity, one.shift))
    kept: list[Overlap] = []
    for overlap in found:
        if all(overlap.end <= one.start or one.end <= overlap.start for one in kept):
            kept.append(overlap)
    return sorted(kept, key=lambda one: one.start)


@dataclass(frozen=True, slots=True)
class _Source:
    """One of two sources: its fingerprint, and by how much its levels change around each step of audio, dB [S, 16]."""

    fingerprint: Fingerprint
    changes: Reals

    @classmethod
    def of(cls, fingerprint: Fingerprint) -> "_Source":
        return cls(fingerprint, level_changes(fingerprint))

    def hashes_of(self, begin: int, end: int) -> NDArray[np.uint64]:
        """Of steps [begin, end); `NO_HASH` outside."""
        return _cut_out(self.fingerprint.hashes, self.fingerprint.video_first, begin, end)

    def colours_of(self, begin: int, end: int) -> Reals:
        """Of steps [begin, end), mean Cr and Cb, [N, 2]; 0 outside."""
        return _cut_out(self.fingerprint.colours, self.fingerprint.video_first, begin, end).astype(float)

    def changes_of(self, begin: int, end: int) -> Reals:
        """Of steps [begin, end), dB [N, 16]; 0 outside."""
        return _cut_out(self.changes, self.fingerprint.audio_first, begin, end)


@dataclass(frozen=True, slots=True)
class _Aligned:
    """Two sources compared at one shift, a value for each step in which both have a frame.

    Args:
        own, its: the source and the other one.
        begin: first step of the source.
        shift: of the other one against it.
        bits: distance of the two frames.
        colour: by how much their mean colours differ, of 255.
        seen: 1.0 where at least one of them has a hash.
    """

    own: _Source
    its: _Source
    begin: int
    shift: int
    bits: Reals
    colour: Reals
    seen: Reals

    @classmethod
    def at(cls, own: _Source, its: _Source, shift: int) -> "_Aligned":
        first, its_first = own.fingerprint.video_first, its.fingerprint.video_first - shift
        begin = max(first, its_first)
        end = max(begin, min(first + len(own.fingerprint.hashes), its_first + len(its.fingerprint.hashes)))
        shown, others = own.hashes_of(begin, end), its.hashes_of(begin + shift, end + shift)
        # The other one's grid lies up to half a step beside: its frame before or after may be the same one.
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

    def overlaps(self, params: NearDuplicateParams) -> Iterator[Overlap]:
        """Where frames agree: with audio that agrees, or with other audio."""
        least = round(params.overlap_s_at_least * STEPS_PER_S)
        seen = _smooth(self.seen)
        image = 1 - _smooth(self.bits * self.seen) / np.maximum(seen, 1) / UNLIKE_BITS
        same_image = image >= LEAST_VIDEO
        same_image &= _smooth(self.colour * self.seen) <= COLOUR_STEPS * seen
        if not same_image.any():
            return
        both, change = self._change_agreement()
        changed = _smooth(change)
        audio_changes = changed >= _smooth(np.full(len(change), BANDS * LEAST_CHANGE_DB**2))
        alike = image >= params.similarity_at_least
        audio = _smooth(both) / np.maximum(changed, 1)
        same_audio = (image + audio) / 2 >= params.similarity_at_least
        copied = np.where(audio_changes, same_audio, alike)
        for is_copy, agree in ((True, copied), (False, alike & ~copied)):
            for middle_start, middle_end in runs(same_image & agree):
                start, end = self._reach(middle_start, middle_end)
                place = slice(start, end)
                if end - start < least or not self.seen[place].any():
                    continue
                has_audio = bool(audio_changes[place].mean() >= 0.5)
                if (is_copy and has_audio) or self._motion(start, end) >= LEAST_MOTION_BITS:
                    yield Overlap(
                        start=self.begin + start,
                        end=self.begin + end,
                        shift=self.shift,
                        is_copy=is_copy,
                        video_distance_bits=float(self.bits[place].sum() / self.seen[place].sum()),
                        audio_similarity=float(both[place].sum() / change[place].sum()) if has_audio else None,
                    )

    def _change_agreement(self) -> tuple[Reals, Reals]:
        """Of the two changes of level, summed over bands, dB^2: their product, and the mean of their squares."""
        end = self.begin + len(self.bits)
        own = self.own.changes_of(self.begin, end)
        its = self.its.changes_of(self.begin + self.shift, end + self.shift)
        return (own * its).sum(axis=1), (own**2 + its**2).sum(axis=1) / 2

    def _motion(self, start: int, end: int) -> float:
        """Mean distance of the source's frames and its own SMOOTH_STEPS later; 0 for those that have none."""
        begin, end = self.begin + start, self.begin + end
        shown = self.own.hashes_of(begin, end)
        later = self.own.hashes_of(begin + SMOOTH_STEPS, end + SMOOTH_STEPS)
        return float(np.where(later == NO_HASH, 0, np.bitwise_count(shown ^ later)).mean())

    def _reach(self, start: int, end: int) -> tuple[int, int]:
        """From the middles of the spans judged to their ends, less what does not agree there."""
        start, end = max(0, start - SMOOTH_STEPS // 2), min(len(self.bits), end + SMOOTH_STEPS // 2)
        agree = np.flatnonzero(self.bits[start:end] <= (1 - LEAST_VIDEO) * UNLIKE_BITS)
        return (start + int(agree[0]), start + int(agree[-1]) + 1) if len(agree) else (start, start)


def same_frames(source: Fingerprint, other: Fingerprint, start: int, end: int, shift: float) -> float | None:
    """Mean distance of the hashes of two sources in an interval of the first; None where they are not the same frames.

    Where neither shows anything it is 0.
    """
    aligned = _Aligned.at(_Source.of(source), _Source.of(other), round(shift))
    place = slice(max(0, start - aligned.begin), max(0, end - aligned.begin))
    seen = aligned.seen[place].sum()
    if len(aligned.bits[place]) < LEAST_COMPARED * (end - start):
        return None
    if not seen:
        return 0.0
    bits = float((aligned.bits * aligned.seen)[place].sum() / seen)
    colour = float((aligned.colour * aligned.seen)[place].sum() / seen)
    return bits if bits <= (1 - LEAST_VIDEO) * UNLIKE_BITS and colour <= COLOUR_STEPS else None


def _in_step(own: _Source, its: _Source, overlap: Overlap) -> Overlap:
    """The interval, or no copy where its frames agree better at another shift than the audio: one is out of step."""
    if not overlap.is_copy or overlap.audio_similarity is None or overlap.video_distance_bits is None:
        return overlap
    shown = own.hashes_of(overlap.start, overlap.end)
    shift = round(overlap.shift)
    for slip in (slip for slip in range(-SLIP_STEPS, SLIP_STEPS + 1) if abs(slip) > 1):
        beside = its.hashes_of(overlap.start + shift + slip, overlap.end + shift + slip)
        if np.bitwise_count(shown ^ beside).mean() < overlap.video_distance_bits - SLIP_BITS:
            return replace(overlap, is_copy=False)
    return overlap


def _audio_shift(own: _Source, its: _Source) -> list[int]:
    """The shift at which the changes of the two audio levels agree best; none where one has no audio."""
    if not len(own.changes) or not len(its.changes):
        return []
    size = 1 << (len(own.changes) + len(its.changes)).bit_length()
    own_spectrum, its_spectrum = (np.fft.rfft(side.changes, size, axis=0) for side in (own, its))
    lag = int(np.argmax(np.fft.irfft((own_spectrum.conj() * its_spectrum).sum(axis=1), size)))
    lag -= size if lag > size // 2 else 0
    return [lag + its.fingerprint.audio_first - own.fingerprint.audio_first]


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


def runs(flags: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """[start, end) of each run of True."""
    edges = np.flatnonzero(np.diff(np.r_[False, flags, False]))
    return zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
