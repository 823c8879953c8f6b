"""A folder of clips and captions: what is taken, and what is refused by which sentence."""

from pathlib import Path

import pytest

from mova_core.curation.own_clips.folder import read_own_clips
from mova_core.errors import UsageError


def folder_of(root: Path, files: dict[str, bytes]) -> Path:
    folder = root / "clips"
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def test_clips_come_by_name_with_their_captions_in_one_line(tmp_path):
    files = {"b.MOV": b"2", "b.txt": b"A box\n falls. \n", "a.mp4": b"1", "a.txt": "\ufeffA ball.".encode(), ".DS": b""}
    found = read_own_clips(folder_of(tmp_path, files))
    assert [(clip.path.name, clip.caption) for clip in found] == [("a.mp4", "A ball."), ("b.MOV", "A box falls.")]


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, "holds no clip: expected video files, each with its caption"),
        ({"a.txt": b"A ball."}, "holds no clip"),
        ({"a.mp4": b"1"}, r"a\.mp4 has no caption: write what it shows, and its audio, into a\.txt beside it"),
        ({"a.mp4": b"1", "a.txt": b" \n"}, r"a\.txt is empty: write what a\.mp4 shows"),
        ({"a.mp4": b"1", "a.txt": b"\xff\xfe\x00"}, r"a\.txt is no UTF-8 text"),
        ({"a.mp4": b"1", "a.txt": b"x", "b.txt": b"x"}, r"b\.txt is a caption of no clip"),
        ({"a.mp4": b"1", "a.txt": b"x", "b.mp4": b"1", "b.txt": b"y"}, r"a\.mp4 and b\.mp4 are the same file"),
    ],
)
def test_what_cannot_be_trained_on_is_refused(tmp_path, files, sentence):
    with pytest.raises(UsageError, match=sentence):
        read_own_clips(folder_of(tmp_path, files))


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"--clips is .*none, expected a folder of video clips"):
        read_own_clips(tmp_path / "none")
