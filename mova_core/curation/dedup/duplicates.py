"""Find near duplicates: which parts of sources repeat, which source keeps them, which windows are copies.

Sources are ranked: the largest frame first, then the longest, then by id. Candidate pairs come from an index
(`candidate_pairs.py`), their overlaps from a comparison step by step (`overlaps.py`). The better-ranked source of a
pair keeps what both contain. Sources that overlap form a group, named by its best-ranked source. Overlaps whose video
agrees but whose audio does not (a dub) are not copies, but still join the group, so that no footage is in both splits.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mova_core.curation.dedup.candidate_pairs import candidate_pairs
from mova_core.curation.dedup.fingerprints import STEPS_PER_S, Fingerprint
from mova_core.curation.dedup.overlaps import Overlap, find_overlaps
from mova_core.params import NearDuplicateParams

EDGE_S = 0.5  # to which an interval's ends are good: of a copied window no more lies outside

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Member:
    """One source to be compared.

    Args:
        source_id: sha256 of its bytes.
        pixels: width times height of its frame.
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
    least = round(params.overlap_s_at_least * STEPS_PER_S)
    copied: set[int] = set()  # what is left of them is too short for another interval
    for source, other, shifts in candidate_pairs([member.fingerprint for member in ranked]):
        if source not in copied:
            fingerprint = ranked[source].fingerprint
            overlaps = find_overlaps(fingerprint, ranked[other].fingerprint, shifts, params)
            found += [(source, other, overlap) for overlap in overlaps]
            if len(fingerprint.hashes) - sum(one.end - one.start for one in overlaps if one.is_copy) < least:
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
            "video_distance_bits": round(overlap.video_distance_bits, 3),
            "audio_similarity": None if overlap.audio_similarity is None else round(overlap.audio_similarity, 3),
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
