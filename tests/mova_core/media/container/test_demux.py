import os
import shutil
from pathlib import Path

import pytest

from mova_core.errors import MediaError
from mova_core.media.container.demux import open_media


def refused(path: Path) -> str:
    with pytest.raises(MediaError) as error, open_media(path):
        pass
    return error.value.code


def test_a_concat_text_opens_nothing(tmp_path, film):
    film("a.mp4", seconds=0.4)
    text = tmp_path / "list.mp4"
    text.write_text(f"ffconcat version 1.0\nfile '{tmp_path / 'a.mp4'}'\n")
    assert refused(text) == "not_media"


@pytest.mark.parametrize(
    "start", ["#EXTM3U\n", "ffconcat version 1.0\n", "<?xml version='1.0'?><MPD>", "v=0\r\n", "file a.mp4\n"]
)
def test_a_playlist_in_front_of_a_real_film_stays_a_playlist(tmp_path, film, start):
    """A file that is both: whichever reader one has in mind, nothing of it is opened."""
    path = film("a.ts", container="mpegts", audio_codec="aac", seconds=0.4)
    path.write_bytes(start.encode() + path.read_bytes())
    assert refused(path) == "not_media"


@pytest.mark.parametrize("kind", ["mp4", "webm", "ts", "nut", "mxf"])
def test_a_playlist_behind_a_containers_first_bytes_opens_nothing(tmp_path, film, kind):
    film("a.mp4", seconds=0.4)
    heads = {
        "mp4": b"\0\0\0\x14ftypisom\0\0\0\0isom",
        "webm": b"\x1a\x45\xdf\xa3\x80",
        "ts": (b"G" + bytes(187)) * 3,
        "nut": b"nut/multimedia container\0",
        "mxf": bytes.fromhex("060e2b34020501010d0102010102"),
    }
    text = f"ffconcat version 1.0\nfile '{tmp_path / 'a.mp4'}'\n".encode()
    path = tmp_path / f"list.{kind}"
    path.write_bytes(heads[kind] + text)
    with pytest.raises(MediaError), open_media(path) as (container, _):
        assert not container.streams.video and not container.streams.audio
        raise MediaError("empty", "opened as an empty container")


def test_encrypted_is_said(film):
    path = film("a.mp4", audio_codec="aac", seconds=0.4)
    data = path.read_bytes()
    for entry in (b"avc1", b"mp4a"):
        path.write_bytes(data.replace(entry, b"enc" + {b"avc1": b"v", b"mp4a": b"a"}[entry], 2))
        assert refused(path) == "encrypted"
    path.write_bytes(data + (16).to_bytes(4, "big") + b"free" + b"encv" * 2)  # the word alone encrypts nothing
    with open_media(path) as (container, _):
        assert len(container.streams.video) == 1


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
