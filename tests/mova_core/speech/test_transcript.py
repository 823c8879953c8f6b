"""A transcript is closed JSON that comes back as it was written, from a folder or from lines."""

import json

import pytest

from mova_core.errors import UsageError
from mova_core.speech.transcript import Segment, Transcript, Word, parse_transcript, read_transcripts, written

HELLO = Segment(text="Hello there.", speaker="A", start_s=0.4, end_s=1.2, words=(Word(text="Hello"),))


def test_what_is_written_is_read():
    transcript = Transcript(segments=(HELLO, Segment(text="你好")), language="en")
    assert parse_transcript(written(transcript), "here") == transcript
    assert "null" not in written(transcript)
    assert parse_transcript('{"segments": []}', "here") == Transcript(segments=())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "JSON"),
        ("[]", "object"),
        ("{}", "segments: Field required"),
        ('{"segments": [{}]}', r"segments\.0\.text"),
        ('{"segments": [{"text": "a", "who": "A"}]}', r"segments\.0\.who"),
        ('{"segments": [], "title": "a"}', "title"),
        ('{"segments": [{"text": 3}]}', r"segments\.0\.text is 3"),
        ('{"segments": [{"text": "a", "start_s": 1}]}', "one of start_s and end_s"),
        ('{"segments": [{"text": "a", "start_s": 1, "end_s": 0.5}]}', "end_s is 0.5, before start_s 1"),
        ('{"segments": [{"text": "a", "start_s": -1, "end_s": 0.5}]}', "start_s is -1"),
        ('{"segments": [{"text": "a", "start_s": NaN, "end_s": 0.5}]}', r"start_s|JSON"),
        ("[" * 100_000, "JSON|object"),
    ],
)
def test_another_schema_is_refused(text, told):
    with pytest.raises(UsageError, match=rf"^clip 7: not a transcript \(.*({told})"):
        parse_transcript(text, "clip 7")


def test_segments_are_in_the_order_of_speaking_where_their_times_are_known():
    late, early = Segment(text="two", start_s=2, end_s=3, speaker="A"), Segment(text="one", start_s=0, end_s=1)
    untimed = Segment(text="three", speaker="A")
    assert Transcript(segments=(late, early)).text == "one two"
    assert Transcript(segments=(late, early, untimed)).text == "two one three"
    assert Transcript(segments=(late, early, untimed)).by_speaker == {"A": "two three", None: "one"}


def test_transcripts_of_many_clips(tmp_path):
    folder, lines = tmp_path / "given", tmp_path / "given.jsonl"
    folder.mkdir()
    one, two = Transcript(segments=(HELLO,)), Transcript(segments=())
    (folder / "one.json").write_text(written(one))
    (folder / "two.json").write_text(written(two))
    (folder / "notes.txt").write_text("no transcript")
    lines.write_text(
        "\n".join(json.dumps({"clip": name} | json.loads(written(each))) for name, each in (("one", one), ("two", two)))
        + "\n\n"
    )
    assert read_transcripts(folder) == read_transcripts(lines) == {"one": one, "two": two}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"segments": []}', r"line 2: not a transcript \(clip: Field required"),
        ('{"clip": "", "segments": []}', "line 2: not a transcript"),
        ('{"clip": "one", "segments": []}', "line 2: clip 'one' stands there twice"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, line, told):
    path = tmp_path / "given.jsonl"
    path.write_text(f'{{"clip": "one", "segments": []}}\n{line}\n')
    with pytest.raises(UsageError, match=told):
        read_transcripts(path)


def test_where_there_is_nothing_to_read_it_is_told(tmp_path):
    with pytest.raises(UsageError, match="holds no transcripts"):
        read_transcripts(tmp_path)
    with pytest.raises(UsageError, match=r"is no folder and no \.jsonl file"):
        read_transcripts(tmp_path / "none.jsonl")
