"""Suites by name, their parts, their first frames, and whether their prompts are held out of training."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mova_core.curation.caption.templates import synthetic_caption
from mova_core.errors import UsageError
from mova_core.evaluation.suites.captioned import CAPTION_OF
from mova_core.evaluation.suites.compositions import compositions
from mova_core.evaluation.suites.first_frames import with_first_frames, without_first_frame
from mova_core.evaluation.suites.held_out import captions_of, overlap
from mova_core.evaluation.suites.item import SuiteItem
from mova_core.evaluation.suites.named import load_suite
from mova_core.evaluation.suites.parts import Shard, first_of_each_set
from mova_core.measures.clip import Asked, Unavailable
from mova_core.places import DataFolder
from mova_core.sampling.request.wanted import Wanted
from mova_core.synthetic.world import KINDS

ITEMS = tuple(SuiteItem(Wanted(f"{index}", "x", index), Asked("x", set="ab"[index % 2])) for index in range(7))


def test_the_built_in_suites_are_the_same_each_time():
    for name, clips in {"synthetic": 64, "synthetic-compositions": 48}.items():
        suite = load_suite(name, None)
        assert suite == load_suite(name, None)
        assert suite.described()["clips"] == clips == len({item.name for item in suite.items})
        assert len(suite.described()["sha256"]) == 64


def test_compositions_pair_each_shape_with_each_note_but_its_own():
    pairs = Counter((item.asked.label, item.asked.audio_label) for item in compositions())
    assert set(pairs) == {(video, audio) for video in KINDS for audio in KINDS if video != audio}
    assert set(pairs.values()) == {4}
    first = compositions()[0]
    assert first.wanted.prompt == "A red ball bounces on a dark floor, with a bell note at each bounce."


def test_no_caption_of_the_synthetic_world_is_among_the_compositions():
    """Whatever takes a clip holds, and in whatever order."""
    captions = {
        synthetic_caption(classes, black).merged
        for first in KINDS
        for second in KINDS
        for classes in ([first], [first, second], [first, second, first])
        for black in (None, 0.5)
    }
    held_out = [item.wanted.prompt for item in compositions()]
    known = [item.wanted.prompt for item in load_suite("synthetic", None).items]
    assert overlap(held_out, captions) == {"exact": 0, "normalised": 0, "prompts": 12, "captions": len(captions)}
    assert overlap(known, captions)["exact"] == 4


def test_prompts_are_compared_letter_for_letter_and_by_their_words():
    captions = {"A red ball.", "It’s loud."}
    assert overlap(["A red ball.", "a  RED ball", "a blue ball"], captions) == {
        "exact": 1, "normalised": 2, "prompts": 3, "captions": 2,
    }  # fmt: skip


def test_without_a_table_of_captions_nothing_is_known(tmp_path):
    captions = captions_of(DataFolder(tmp_path))
    assert isinstance(captions, Unavailable)
    assert "captions.parquet is not there" in overlap(["x"], captions)["unavailable"]


def test_every_track_of_the_captions_counts(tmp_path):
    from mova_core.curation.tables import write_table

    row = {"visual": "a ball", "speech": None, "sound": "a knock", "merged": CAPTION_OF["red-ball"], "kind": "template"}
    rest = dict.fromkeys(("on_screen_text", "model", "language", "unavailable"))
    write_table(DataFolder(tmp_path).table("captions"), "captions", [{"clip_id": "a"} | row | rest])
    assert captions_of(DataFolder(tmp_path)) == {"a ball", "a knock", CAPTION_OF["red-ball"]}


def lines(path: Path, *values) -> Path:
    path.write_text("\n".join(map(json.dumps, values)))
    return path


def test_a_suite_of_several_speakers_has_several_in_every_clip(tmp_path):
    two = {"prompt": "x", "speech": [{"speaker": "A", "text": "Yes."}, {"speaker": "B", "text": "No."}]}
    one = {"prompt": "x", "name": "alone", "speech": [{"speaker": "A", "text": "Yes."}]}
    assert len(load_suite("multi-speaker", lines(tmp_path / "two.jsonl", two)).items) == 1
    with pytest.raises(UsageError, match="clip alone has 1 speakers"):
        load_suite("multi-speaker", lines(tmp_path / "one.jsonl", two, one))


@pytest.mark.parametrize(
    ("reference", "prompts", "sentence"),
    [
        ("verse-bench", None, "no prompts of its own"),
        ("synthetic", Path("x.jsonl"), "name the file as --suite x.jsonl"),
        ("verse", None, "--suite is 'verse', expected synthetic"),
        ("none.jsonl", None, "none.jsonl is missing"),
    ],
)
def test_no_such_suite(reference, prompts, sentence):
    with pytest.raises(UsageError, match=sentence):
        load_suite(reference, prompts)


def test_a_limit_takes_the_first_of_each_set():
    assert [item.name for item in first_of_each_set(ITEMS, 2)] == ["0", "1", "2", "3"]
    assert first_of_each_set(ITEMS, 9) == ITEMS


@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_shards_divide_a_suite(count):
    shares = [Shard(number, count).of(ITEMS) for number in range(1, count + 1)]
    assert sorted((item for share in shares for item in share), key=lambda item: item.name) == list(ITEMS)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.parametrize("word", ["0/2", "3/2", "1", "1/0", "-1/2", "a/b", "1/2/3"])
def test_no_such_shard(word):
    with pytest.raises(UsageError, match="expected I/N"):
        Shard.parse(word)


def image(path: Path) -> Path:
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(path)
    return path


def test_first_frames_by_name_and_which_clips_have_none(tmp_path):
    png, jpg = image(tmp_path / "0.png"), image(tmp_path / "2.jpg")
    image(tmp_path / "other.png")
    items = with_first_frames(ITEMS, tmp_path)
    assert [item.wanted.given.image for item in items[:3]] == [png, None, jpg]
    assert without_first_frame(items) == ["1", "3", "4", "5", "6"]


def test_first_frames_that_are_none_or_two(tmp_path):
    with pytest.raises(UsageError, match="no folder"):
        with_first_frames(ITEMS, tmp_path / "none")
    with pytest.raises(UsageError, match="no first frame of the suite's clips"):
        with_first_frames(ITEMS, tmp_path)
    image(tmp_path / "0.png")
    with pytest.raises(UsageError, match=r"clip 0 has the first frame .*leave one out"):
        with_first_frames(with_first_frames(ITEMS, tmp_path), tmp_path)
    image(tmp_path / "0.jpg")
    with pytest.raises(UsageError, match=r"both 0.jpg and 0.png"):
        with_first_frames(ITEMS, tmp_path)
