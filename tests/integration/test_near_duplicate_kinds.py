"""Copies of each kind are found among films that look alike, with a precision and a recall for each kind.

`pytest tests/integration/test_near_duplicate_kinds.py -s` prints the table; with `-m soak` of a larger set.
"""

from collections import defaultdict
from pathlib import Path

import pytest

from mova_core.curation.dedup.duplicates import Member, find_near_duplicates
from mova_core.params import NearDuplicateParams
from tests.integration.similar_films import Copy, fingerprint_of, write_films

LEAST_PRECISION, LEAST_RECALL = 0.98, 0.95
LEAST_RECALL_OF_A_KIND = 0.9  # few of each: one of twelve is missed among excerpts of 2.5 s
END_S = 0.7  # to which an interval's ends are found


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("films", [2, pytest.param(12, marks=pytest.mark.soak)])
def test_copies_of_each_kind_are_found_and_nothing_else(films, tmp_path, capsys):
    copies = write_films(tmp_path, films)
    paths = sorted(path.name for path in tmp_path.iterdir())
    members = [
        Member(
            name,
            pixels=0 if name.endswith("mp3") else 10_000 if name.startswith("film-") else 9_000,
            duration_s=14.0,
            fingerprint=fingerprint_of(tmp_path / name, video=not name.endswith("mp3")),
        )
        for name in paths
    ]
    rows = [row for row in find_near_duplicates(members, NearDuplicateParams()) if row["is_copy"]]
    true, found, right = (defaultdict(int) for _ in range(3))
    for name, copy in copies.items():
        true[copy.kind] += 1
        told = [row for row in rows if row["source_id"] == name and row["kept_source_id"] == copy.film]
        right[copy.kind] += any(_is_that(row, copy) for row in told)
    wrong = []
    for row in rows:
        kind = copies[row["source_id"]].kind if row["source_id"] in copies else "no copy"
        found[kind] += 1
        if not _shares(row, copies):
            wrong.append(row)
            found[f"wrong {kind}"] += 1
    with capsys.disabled():  # the table is for people
        print(f"\n{'kind':28} {'copies':>6} {'recall':>7} {'intervals':>9} {'precision':>9}")
        for kind in [*true, "no copy"]:
            recall = f"{right[kind] / true[kind]:.3f}" if true[kind] else "-"
            precision = f"{1 - found[f'wrong {kind}'] / found[kind]:.3f}" if found[kind] else "-"
            print(f"{kind:28} {true[kind]:6} {recall:>7} {found[kind]:9} {precision:>9}")
    assert len(wrong) <= (1 - LEAST_PRECISION) * len(rows), wrong
    assert sum(right.values()) >= LEAST_RECALL * sum(true.values())
    assert {kind: right[kind] / true[kind] for kind in true if right[kind] < LEAST_RECALL_OF_A_KIND * true[kind]} == {}


def _is_that(row: dict, copy: Copy) -> bool:
    ends_s = (row["start_s"] - copy.start_s, row["end_s"] - copy.end_s)
    shift_s = row["kept_start_s"] - row["start_s"] - (copy.film_start_s - copy.start_s)
    return all(abs(one) <= END_S for one in ends_s) and abs(shift_s) <= 0.15


def _shares(row: dict, copies: dict[str, Copy]) -> bool:
    """Whether the two files of a row hold the same piece of a film, or of a film's audio, at that shift."""
    one, other = (_of_film(row[name], copies) for name in ("source_id", "kept_source_id"))
    if one is None or other is None or one.film != other.film:
        return False
    shift_s = (one.film_start_s - one.start_s) - (other.film_start_s - other.start_s)
    return abs(row["kept_start_s"] - row["start_s"] - shift_s) <= 0.15


def _of_film(name: str, copies: dict[str, Copy]) -> Copy | None:
    if name.startswith("film-"):
        return Copy("film", name, 0.0, 14.0, 0.0)
    if name.startswith("other-frames-"):  # audio alone may say that it is of this one
        return Copy("film", f"film-{Path(name).stem[-2:]}.mp4", 0.0, 14.0, 0.0)
    return copies.get(name)
