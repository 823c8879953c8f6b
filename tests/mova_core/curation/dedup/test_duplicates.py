"""Intervals that two sources share are found at their shift, and what says nothing is evidence of nothing."""

from dataclasses import replace

import numpy as np
import pytest

from mova_core.curation.dedup import candidate_pairs
from mova_core.curation.dedup import duplicates as near_duplicates
from mova_core.curation.dedup.duplicates import Member, copied_windows, find_near_duplicates
from mova_core.curation.dedup.fingerprints import BANDS, HASH_BITS, NO_HASH, STEPS_PER_S, Fingerprint
from mova_core.params import NearDuplicateParams

PARAMS = NearDuplicateParams()
CARD = 0x2F0F_3355_0F33


def film(seed, seconds, shot_s=0.5):
    """Frames that change twice a second, and lively audio, on one grid from step 0."""
    rng = np.random.default_rng([5, seed])
    steps = round(seconds * STEPS_PER_S)
    shots = rng.integers(1, 2**HASH_BITS, round(seconds / shot_s) + 1, dtype=np.uint64)
    hashes = np.repeat(shots, round(shot_s * STEPS_PER_S))[:steps]
    colours = np.full((steps, 2), 128, np.uint8)
    return Fingerprint(0, hashes, colours, 0, rng.integers(60, 160, (steps, BANDS)).astype(np.uint8))


def encoded_again(fingerprint, bits=4, seed=0):
    """Some bits of every hash flipped, some levels moved, all quieter."""
    rng = np.random.default_rng([6, seed])
    flips = (np.uint64(1) << rng.integers(0, HASH_BITS, (len(fingerprint.hashes), bits), dtype=np.uint64)).T
    hashes = fingerprint.hashes ^ np.bitwise_or.reduce(flips)
    levels = fingerprint.levels - 12.0 + rng.normal(0, 4, fingerprint.levels.shape)
    return replace(fingerprint, hashes=hashes, levels=levels.astype(np.uint8))


def part(fingerprint, start_s, end_s):
    """As a file of its own, whose clock starts at 0."""
    place = slice(round(start_s * STEPS_PER_S), round(end_s * STEPS_PER_S))
    return Fingerprint(0, fingerprint.hashes[place], fingerprint.colours[place], 0, fingerprint.levels[place])


def joined(*fingerprints):
    halves = (np.concatenate([getattr(one, name) for one in fingerprints]) for name in ("hashes", "colours", "levels"))
    hashes, colours, levels = halves
    return Fingerprint(0, hashes, colours, 0, levels)


def silent(fingerprint):
    return replace(fingerprint, levels=np.zeros_like(fingerprint.levels))


def still(fingerprint, value=CARD):
    return replace(fingerprint, hashes=np.full_like(fingerprint.hashes, value))


def named(*fingerprints):
    """Members a, b, c … of falling rank."""
    return [Member("abcdefgh"[i], 1000 - i, 60.0, fingerprint) for i, fingerprint in enumerate(fingerprints)]


def found(*fingerprints, params=PARAMS):
    return find_near_duplicates(named(*fingerprints), params)


def test_a_trimmed_copy_is_found_whole_and_at_its_shift():
    (row,) = found(film(0, 20), encoded_again(part(film(0, 20), 1.25, 20)))
    assert (row["source_id"], row["kept_source_id"], row["group_id"], row["is_copy"]) == ("b", "a", "a", True)
    assert (row["start_s"], row["end_s"], row["kept_start_s"]) == (0.0, 18.75, 1.25)
    assert row["video_distance_bits"] < 6 and row["audio_similarity"] > 0.8


def test_what_has_nothing_in_common_is_left_alone():
    assert found(*(film(seed, 30) for seed in range(8))) == []
    assert found() == found(film(0, 20)) == []


def test_an_excerpt_in_a_longer_file_is_its_interval_alone():
    longer = joined(film(1, 8), encoded_again(part(film(0, 20), 5, 14)), film(2, 7))
    (row,) = found(film(0, 20), longer)
    assert row["start_s"] == pytest.approx(8.0, abs=0.5) and row["end_s"] == pytest.approx(17.0, abs=0.5)
    assert row["kept_start_s"] - row["start_s"] == pytest.approx(-3.0)


def test_other_audio_makes_no_copy_but_one_group():
    dub = replace(encoded_again(film(0, 20)), levels=film(9, 20).levels)
    (row,) = found(film(0, 20), dub)
    assert (row["is_copy"], row["group_id"]) == (False, "a")
    muted = silent(film(0, 20))
    assert [row["is_copy"] for row in found(film(0, 20), muted)] == [False]


def test_other_frames_make_nothing_of_the_same_audio():
    assert found(film(0, 20), replace(film(1, 20), levels=film(0, 20).levels)) == []


def test_the_same_outlines_in_other_colours_are_another_film():
    green = film(0, 20)
    assert found(film(0, 20), replace(green, colours=green.colours - np.uint8(20))) == []
    (row,) = found(film(0, 20), replace(green, colours=green.colours - np.uint8(6)))
    assert row["is_copy"]


def test_audio_out_of_step_with_its_frames_makes_no_copy():
    moved = film(0, 20, shot_s=0.125)
    late = replace(moved, levels=np.roll(moved.levels, 5, axis=0))
    assert {row["is_copy"] for row in found(moved, late)} == {False}


def test_moving_frames_are_enough_where_neither_is_audible():
    (row,) = found(silent(film(0, 20)), silent(encoded_again(film(0, 20))))
    assert row["is_copy"] and row["audio_similarity"] is None


@pytest.mark.parametrize("value", [CARD, NO_HASH])
def test_a_still_frame_over_silence_is_evidence_of_nothing(value):
    assert found(still(silent(film(0, 20)), value), still(silent(film(0, 20)), value)) == []


def test_a_hum_is_no_audio():
    hum = np.tile(np.arange(60, 60 + BANDS, dtype=np.uint8), (160, 1))
    card = replace(still(film(0, 20)), levels=hum + np.random.default_rng(0).integers(0, 2, hum.shape, np.uint8))
    assert found(card, card) == []


def test_the_same_card_over_other_audio_is_no_duplicate():
    assert found(still(film(0, 20)), still(film(1, 20))) == []


def test_audio_places_a_still_frame():
    talk = still(film(0, 20))
    (row,) = found(talk, encoded_again(part(talk, 1.25, 20), bits=0))
    assert row["is_copy"] and row["kept_start_s"] - row["start_s"] == 1.25


def test_black_inside_a_copy_does_not_break_it():
    black = film(0, 20)
    black.hashes[64:88] = NO_HASH
    (row,) = found(black, part(black, 1, 20))
    assert row["end_s"] - row["start_s"] == pytest.approx(19.0)


@pytest.mark.parametrize("length_s", [2.5, 4.0, 7.0])
@pytest.mark.parametrize("late_s", [0.0, 0.5])
def test_a_short_interval_is_found_by_audio_that_does_not_repeat_itself(length_s, late_s):
    short = joined(film(1, 8 + late_s), part(film(0, 20), 5, 5 + length_s), film(2, 8))
    (row,) = found(film(0, 20), encoded_again(short))
    assert (row["is_copy"], row["frames"]) == (True, "same")
    assert row["start_s"] == pytest.approx(8 + late_s, abs=0.6)
    assert row["end_s"] == pytest.approx(8 + late_s + length_s, abs=0.6)


def test_less_than_the_least_overlap_is_nothing():
    pattern = film(0, 1)  # repeats itself
    loop = joined(film(3, 6), *[pattern] * 5, film(4, 8))
    short = joined(film(1, 8), *[pattern] * 5, film(2, 8))
    assert found(loop, short) == []
    assert len(found(loop, short, params=PARAMS.model_copy(update={"overlap_s_at_least": 4.0}))) == 1
    assert found(film(0, 20), joined(film(1, 8), part(film(0, 20), 5, 6), film(2, 8))) == []


def only_audio(fingerprint):
    return replace(fingerprint, hashes=fingerprint.hashes[:0], colours=fingerprint.colours[:0])


def test_audio_alone_is_a_copy_of_the_video_that_plays_it_and_of_itself():
    members = [
        Member("film", 100, 20.0, film(0, 20)),
        Member("track", 0, 16.0, only_audio(encoded_again(part(film(0, 20), 2, 18)))),
        Member("again", 0, 16.0, only_audio(encoded_again(part(film(0, 20), 2, 18), seed=3))),
        Member("other", 0, 20.0, only_audio(film(1, 20))),
    ]
    rows = find_near_duplicates(members, PARAMS)
    first = {row["source_id"]: row["kept_source_id"] for row in reversed(rows)}
    assert first == {"track": "film", "again": "film"}
    assert all(row["is_copy"] and row["frames"] == "none" and row["video_distance_bits"] is None for row in rows)
    assert rows[0]["kept_start_s"] - rows[0]["start_s"] == 2.0


def test_a_compilation_ties_its_sources_into_one_group():
    films = [film(seed, 12) for seed in range(3)]
    together = joined(*(encoded_again(part(one, 2, 10), seed=seed) for seed, one in enumerate(films)))
    rows = found(*films, together)
    assert [(row["source_id"], row["kept_source_id"]) for row in rows] == [("d", "a"), ("d", "b"), ("d", "c")]
    assert {row["group_id"] for row in rows} == {"a"}
    assert all(row["is_copy"] for row in rows)


def test_the_larger_frame_is_kept_then_the_longer_file_then_the_first_by_id():
    members = [
        Member("d", 100, 20.0, film(0, 20)),
        Member("c", 100, 20.0, film(0, 20)),
        Member("b", 100, 30.0, film(0, 20)),
        Member("a", 90, 90.0, film(0, 20)),
        Member("e", 110, 5.0, film(0, 20)),
    ]
    rows = find_near_duplicates(members, PARAMS)
    assert rows == find_near_duplicates(reversed(members), PARAMS), "the order they come in says nothing"
    first = {row["source_id"]: row["kept_source_id"] for row in reversed(rows)}
    assert first == {"b": "e", "c": "e", "d": "e", "a": "e"} and {row["group_id"] for row in rows} == {"e"}


def test_many_copies_of_one_film_all_name_the_best():
    copies = [encoded_again(film(0, 12), bits=3, seed=seed) for seed in range(60)]
    members = [Member(f"{i:02}", 1000 - i, 60.0, one) for i, one in enumerate([film(0, 12), *copies])]
    rows = find_near_duplicates(members, PARAMS)
    first = {row["source_id"]: row["kept_source_id"] for row in reversed(rows)}
    assert set(first.values()) == {"00"} and len(first) == 60


def test_only_what_agrees_somewhere_is_compared(monkeypatch):
    compared = []
    real = near_duplicates.find_overlaps
    monkeypatch.setattr(near_duplicates, "find_overlaps", lambda *a: compared.append(a) or real(*a))
    films = [film(seed, 60) for seed in range(300)]
    members = [Member(f"{i:03}", 1000 - i, 60.0, one) for i, one in enumerate([*films, encoded_again(films[7])])]
    (row,) = find_near_duplicates(members, PARAMS)
    assert (row["source_id"], row["kept_source_id"]) == ("300", "007")
    assert len(compared) < 10, "of 45150 pairs"


def test_blocks_of_the_index_change_nothing(monkeypatch):
    fingerprints = [
        film(0, 20),
        film(1, 20),
        encoded_again(film(0, 20)),
        encoded_again(film(1, 20)),
        part(film(0, 20), 3, 11),
    ]
    whole = found(*fingerprints)
    monkeypatch.setattr(candidate_pairs, "BLOCK_ENTRIES", 50)
    assert found(*fingerprints) == whole and len(whole) == 3


def window(start_s, end_s, source="b"):
    return {"window_id": f"{source} {start_s}", "source_id": source, "start_s": start_s, "end_s": end_s}


def test_windows_inside_a_copy_are_copied_and_others_are_not():
    row = {"source_id": "b", "kept_source_id": "a", "start_s": 4.0, "end_s": 12.0, "is_copy": True}
    windows = [window(0.0, 2.0), window(3.4, 5.4), window(3.6, 5.6), window(6.0, 8.0), window(11.5, 13.5)]
    assert list(copied_windows([*windows, window(6.0, 8.0, "a")], [row])) == ["b 3.6", "b 6.0"]
    assert copied_windows(windows, [{**row, "is_copy": False}]) == {}


def test_a_window_names_the_first_of_those_it_copies():
    rows = [
        {"source_id": "c", "kept_source_id": "a", "start_s": 4.0, "end_s": 8.0, "is_copy": True},
        {"source_id": "c", "kept_source_id": "b", "start_s": 0.0, "end_s": 12.0, "is_copy": True},
    ]
    copies = copied_windows([window(5.0, 7.0, "c"), window(1.0, 3.0, "c"), window(3.0, 5.0, "c")], rows)
    assert [row["kept_source_id"] for row in copies.values()] == ["a", "b", "b"]
