"""Other files that hold a part of a file's video or audio, by the near duplicates that curation found.

A part is followed from file to file by its times: what a copy shares with the file, another copy of that copy shares
too, while a compilation of many files does not make them all alike.
"""

import math
from collections import defaultdict

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mova_core.registry.database.footage_tables import NearDuplicate, Source

EDGE_S = 0.5  # to which the ends of an interval are good

Interval = tuple[float, float]


def shared_footage(session: Session, source_id: str) -> dict[str, float]:
    """Source_id of each other file -> seconds of it that show or sound what this file does, longest first.

    Args:
        session: any session of the registry.
        source_id: sha256 of the file; nothing is shared with one that is not recorded.
    """
    key = session.scalar(sa.select(Source.source_key).where(Source.source_id == source_id))
    if key is None:
        return {}
    covered: dict[int, list[Interval]] = defaultdict(list, {key: [(-math.inf, math.inf)]})
    waiting: list[tuple[int, Interval]] = [(key, (-math.inf, math.inf))]
    while waiting:
        for other, interval in _counterparts(session, *waiting.pop()):
            if _length(interval) - _overlap(interval, covered[other]) >= EDGE_S:
                covered[other] = _united([*covered[other], interval])
                waiting.append((other, interval))
    del covered[key]
    found = {other: sum(map(_length, intervals)) for other, intervals in covered.items() if intervals}
    ids = session.execute(sa.select(Source.source_key, Source.source_id).where(Source.source_key.in_(found)))
    seconds = {id_: round(found[other], 3) for other, id_ in ids}
    return dict(sorted(seconds.items(), key=lambda item: (-item[1], item[0])))


def _counterparts(session: Session, key: int, interval: Interval) -> list[tuple[int, Interval]]:
    """The same footage in other files: (source_key, times there)."""
    found = []
    for row in session.scalars(sa.select(NearDuplicate).where(NearDuplicate.source_key == key)):
        found.append((row.kept_key, row.start_s, row.end_s, row.kept_start_s - row.start_s))
    for row in session.scalars(sa.select(NearDuplicate).where(NearDuplicate.kept_key == key)):
        end_s = row.kept_start_s + row.end_s - row.start_s
        found.append((row.source_key, row.kept_start_s, end_s, row.start_s - row.kept_start_s))
    cut = ((other, max(start, interval[0]), min(end, interval[1]), shift) for other, start, end, shift in found)
    return [(other, (start + shift, end + shift)) for other, start, end, shift in cut if end - start >= EDGE_S]


def _length(interval: Interval) -> float:
    return interval[1] - interval[0]


def _overlap(interval: Interval, others: list[Interval]) -> float:
    return sum(max(0.0, min(interval[1], end) - max(interval[0], start)) for start, end in others)


def _united(intervals: list[Interval]) -> list[Interval]:
    united: list[Interval] = []
    for start, end in sorted(intervals):
        if united and start <= united[-1][1]:
            united[-1] = united[-1][0], max(united[-1][1], end)
        else:
            united.append((start, end))
    return united
