"""Find near duplicates: which parts of sources repeat, which source keeps them, which windows are copies.

Sources are ranked: the largest frame first, then the longest, then by id. Candidate pairs come from an index of frames
(`candidate_pairs.py`) and one of audio (`audio_pairs.py`), their overlaps from a comparison step by step: by frames and
audio over several seconds (`overlaps.py`), or by audio that is found nowhere else, however short (`shared_audio.py`),
under frames that are the same, or a part or the mirror image of the other's (`reframing.py`). Of sources of audio alone
the audio decides. The better-ranked source of a pair keeps what both contain. Sources that overlap form a group, named
by its best-ranked source. Overlaps whose video agrees but whose audio does not (a dub) are not copies, but still join
the group, so that no footage is in both splits.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from mova_core.curation.dedup.audio_pairs import audio_pairs
from mova_core.curation.dedup.candidate_pairs import candidate_pairs
from mova_core.curation.dedup.fingerprints import STEPS_PER_S, Fingerprint
from mova_core.curation.dedup.overlaps import Frames, Overlap, find_overlaps, image_similarity, same_frames
from mova_core.curation.dedup.reframing import reframing
from mova_core.curation.dedup.shared_audio import SharedAudio, shared_audio
from mova_core.params import NearDuplicateParams

SHORT_SIMILARITY = 0.8  # of video and audio of a short interval
SHORT_REFRAMED = 0.935  # the same, of frames that are cropped or mirrored
LONG_CORRELATION = 0.85  # of frames that are cropped or mirrored
EDGE_S = 0.5  # to which an interval's ends are good: of a copied window no more lies outside

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Member:
    """One source to be compared.

    Args:
        source_id: sha256 of its bytes.
        pixels: width times height of its frame; 0 of audio alone.
        duration_s: of the file.
        fingerprint: of its video and audio.
    """

    source_id: str
    pixels: int
    duration_s: float
    fingerprint: Fingerprint

    @property
    def rank(self) -> tuple[float, float, str]:
        """Sorts the source to be kept first."""
        return -self.pixels, -self.duration_s, self.source_id


def find_near_duplicates(members: Iterable[Member], params: NearDuplicateParams) -> list[Row]:
    """Rows of table `near_duplicates`: by source in rank, then by the rank of the one it agrees with, then by time."""
    ranked = sorted(members, key=lambda member: member.rank)
    found: list[tuple[int, int, Overlap]] = []
    least = round(params.overlap_s_at_least * params.distinct_share * STEPS_PER_S)
    copied: set[int] = set()  # what is left of them is too short for another interval
    for source, other, by_frames, by_audio in _candidates([member.fingerprint for member in ranked]):
        if source not in copied:
            own, its = ranked[source], ranked[other]
            overlaps = find_overlaps(own.fingerprint, its.fingerprint, by_frames, params) if by_frames else []
            if by_audio:
                overlaps = _with_shared_audio(overlaps, own, its, by_audio, params)
            found += [(source, other, overlap) for overlap in overlaps]
            steps = max(len(own.fingerprint.hashes), len(own.fingerprint.levels))
            if steps - sum(one.end - one.start for one in overlaps if one.is_copy) < least:
                copied.add(source)
    group_of = _groups(len(ranked), [(source, other) for source, other, _ in found])
    return [
        {
            "source_id": ranked[source].source_id,
            "group_id": ranked[group_of[source]].source_id,
            "start_s": overlap.start / STEPS_PER_S,
            "end_s": overlap.end / STEPS_PER_S,
            "kept_source_id": ranked[other].source_id,
            "kept_start_s": (overlap.start + overlap.shift) / STEPS_PER_S,
            "is_copy": overlap.is_copy,
            "frames": overlap.frames,
            "video_distance_bits": _rounded(overlap.video_distance_bits),
            "audio_similarity": _rounded(overlap.audio_similarity),
        }
        for source, other, overlap in found
    ]


def copied_windows(windows: Iterable[Row], near_duplicates: Iterable[Row]) -> dict[str, Row]:
    """window_id -> the row that says what it is a copy of, for each window that lies inside a copy's intervals."""
    overlaps: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in near_duplicates:
        if row["is_copy"]:
            overlaps[row["source_id"]][row["kept_source_id"]].append(row)
    copies = {}
    for window in windows:
        start_s, end_s = window["start_s"], window["end_s"]
        for rows in overlaps[window["source_id"]].values():  # the best-ranked kept source comes first
            inside_s = [max(0.0, min(row["end_s"], end_s) - max(row["start_s"], start_s)) for row in rows]
            if sum(inside_s) >= end_s - start_s - EDGE_S:
                copies[window["window_id"]] = rows[inside_s.index(max(inside_s))]
                break
    return copies


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def groups_of(sources: Iterable[Row], near_duplicates: Iterable[Row]) -> dict[str, str]:
    """source_id -> group_id: of those that share an interval with another one, and of each other one its own id."""
    shared = {row[name]: row["group_id"] for row in near_duplicates for name in ("source_id", "kept_source_id")}
    return {row["source_id"]: row["source_id"] for row in sources} | shared


def _candidates(fingerprints: list[Fingerprint]) -> Iterator[tuple[int, int, list[int], list[int]]]:
    """Pairs of sources in order: (source, one of better rank, shifts by frames, shifts by audio)."""
    by_frames = ((source, other, shifts, True) for source, other, shifts in candidate_pairs(fingerprints))
    by_audio = ((source, other, shifts, False) for source, other, shifts in audio_pairs(fingerprints))
    together = heapq.merge(by_frames, by_audio, key=lambda one: one[:2])
    for (source, other), each in groupby(together, key=lambda one: one[:2]):
        shifts: dict[bool, list[int]] = {True: [], False: []}
        for _, _, some, of_frames in each:
            shifts[of_frames] += some
        yield source, other, shifts[True], shifts[False]


def _with_shared_audio(
    overlaps: list[Overlap], own: Member, its: Member, shifts: list[int], params: NearDuplicateParams
) -> list[Overlap]:
    """Copies that audio tells beside those of frames and audio, or in place of parts of one; a dub gives way to a copy.

    Frames that are cropped little agree here and there.
    """
    copies = [one for one in overlaps if one.is_copy]
    for audio in shared_audio(own.fingerprint, its.fingerprint, shifts, params):
        parts = [one for one in copies if one.start < audio.end and audio.start < one.end]
        found = sum(min(one.end, audio.end) - max(one.start, audio.start) for one in parts)
        if found and audio.end - audio.start - found <= EDGE_S * STEPS_PER_S:
            continue
        is_long = audio.end - audio.start >= params.overlap_s_at_least * STEPS_PER_S
        frames, bits = _frames(own, its, audio, is_long)
        if frames is not None:
            copies = [one for one in copies if one not in parts]
            copies.append(Overlap(audio.start, audio.end, audio.shift, True, bits, audio.similarity, frames))
    dubs = [one for one in overlaps if not one.is_copy]
    kept = [one for one in dubs if not any(one.start < copy.end and copy.start < one.end for copy in copies)]
    return sorted([*copies, *kept], key=lambda one: one.start)


def _frames(own: Member, its: Member, audio: SharedAudio, is_long: bool) -> tuple[Frames | None, float | None]:
    """How the frames agree where the audio does, and their distance; (None, None) where they do not."""
    source, other = own.fingerprint, its.fingerprint
    if not own.pixels or not its.pixels:
        return "none", None
    bits = same_frames(source, other, audio.start, audio.end, audio.shift)
    if bits is not None and (is_long or (audio.similarity + image_similarity(bits)) / 2 >= SHORT_SIMILARITY):
        return "same", bits
    how, correlation = reframing(source, other, audio.start, audio.end, audio.shift)
    if correlation >= LONG_CORRELATION and (is_long or (audio.similarity + correlation) / 2 >= SHORT_REFRAMED):
        return how, None
    return None, None


def _groups(count: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    """The first of each one's group: connected components by union-find."""
    parent = list(range(count))

    def first(one: int) -> int:
        while parent[one] != one:
            parent[one] = parent[parent[one]]
            one = parent[one]
        return one

    for one, other in pairs:
        low, high = sorted((first(one), first(other)))
        parent[high] = low
    return [first(one) for one in range(count)]
