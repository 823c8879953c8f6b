import os
import shutil
from pathlib import Path

import pytest

from mova_core.errors import MediaError
from mova_core.media.demux import open_media, sniff


def refused(path: Path) -> str:
    with pytest.raises(MediaError) as error, open_media(path):
        pass
    return error.value.code


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\0\0\0\x20ftypisom", "mp4"),
        (b"\0\0\0\x14ftypqt  ", "mov"),
        (b"\0\0\0\x08wide\0\0\0\0mdat", "mov"),
        (b"\x1a\x45\xdf\xa3\x01\0\0\0\0\0\0\x1f\x42\x86\x81\x01\x42\x82\x84webm", "webm"),
        (b"\x1a\x45\xdf\xa3\xa3\x42\x82\x88matroska", "matroska"),
        (b"RIFF\0\0\0\0AVI LIST", "avi"),
        (b"RIFF\0\0\0\0WAVEfmt ", "wav"),
        (b"\x47" + bytes(187) + b"\x47" + bytes(187) + b"\x47", "mpegts"),
        (bytes(4) + b"\x47" + bytes(191) + b"\x47" + bytes(191) + b"\x47", "mpegts"),
        (b"\0\0\x01\xba\x44", "mpeg"),
        (b"OggS\0", "ogg"),
        (b"FLV\x01\x05", "flv"),
        (b"fLaC\0", "flac"),
        (b"ID3\x04", "mp3"),
    ],
)
def test_a_container_is_known_by_its_first_bytes(head, name):
    assert sniff(head).name == name


@pytest.mark.parametrize(
    ("head", "code", "word"),
    [
        (b"", "empty_file", "0 bytes"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git_lfs_pointer", "git lfs pull"),
        (b"\x89PNG\r\n\x1a\n", "still_image", "PNG"),
        (b"\0\0\0\x20ftypavif", "still_image", "image"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "still_image", "image"),
        (b"\n<!DOCTYPE html><html>", "not_media", "web page"),
        (b"ffconcat version 1.0\nfile 'a.mp4'\n", "not_media", "playlist"),
        (b"#EXTM3U\n#EXT-X-VERSION:3\n", "not_media", "playlist"),
        (b"\xff\xfeh\0i\0", "not_media", "first bytes"),
        (b"hello", "not_media", "text"),
        (bytes(64), "not_media", "first bytes"),
    ],
)
def test_anything_else_is_refused_with_what_it_looks_like(head, code, word):
    with pytest.raises(MediaError, match=word) as error:
        sniff(head)
    assert error.value.code == code


def test_a_concat_text_opens_nothing(tmp_path, film):
    film("a.mp4", seconds=0.4)
    text = tmp_path / "list.mp4"
    text.write_text(f"ffconcat version 1.0\nfile '{tmp_path / 'a.mp4'}'\n")
    assert refused(text) == "not_media"


@pytest.mark.parametrize("name", ["%d%03d.mp4", "-i.mp4", "concat:a|b", "http:x.mp4", "data:,x", "pipe:0", "ü\udcff"])
def test_a_name_is_only_a_name(tmp_path, film, name):
    path = tmp_path / name
    shutil.move(film("plain.mp4", seconds=0.4), path)
    with open_media(path) as (container, kind):
        assert kind.name == "mp4"
        assert len(container.streams.video) == 1


def test_an_mp4_without_its_index_is_truncated(film):
    path = film("cut.mp4", seconds=0.4)
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"moov") - 4])
    assert refused(path) == "truncated"


def test_what_is_no_regular_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    assert refused(tmp_path / "pipe.mp4") == "not_a_file"
    assert refused(tmp_path / "absent.mp4") == "unreadable"
    assert refused(tmp_path) == "not_a_file"
