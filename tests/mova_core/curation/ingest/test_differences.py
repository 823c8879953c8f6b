"""A person is told which files differ, by name, and never of one that was only moved."""

from mova_core.curation.ingest.differences import Differences, skipped_line

BEFORE = {"a": "1", "b": "2", "c": None, "d": "4"}


def test_each_difference_is_of_one_kind_and_a_moved_file_is_none():
    now = {"a": "1", "moved": "2", "c": "3", "d": "5", "new": "6", "unread": None}
    assert Differences.between(BEFORE, now) == Differences(("new", "unread"), ("c", "d"), ())
    assert Differences.between(BEFORE, {}).vanished == tuple(BEFORE)
    assert Differences.between(BEFORE, BEFORE) == Differences.between(None, BEFORE) == Differences()


def test_three_are_named_and_the_others_counted():
    lines = Differences(added=("a", "b", "c", "d", "e"), changed=("x\n",)).lines("the last run").split("\n")
    told = [line.strip() for line in lines if line]
    assert told == ["added since the last run: a, b, c and 2 more", "changed since the last run: 'x\\n'"]


def test_hidden_files_are_told_where_there_are_any():
    assert skipped_line([]) == ""
    assert "4 hidden files or folders skipped: .a, .b, .c and 1 more" in skipped_line([".a", ".b", ".c", ".d"])
