"""A clip says what it was made from, and is otherwise what it was."""

import json
from pathlib import Path

import av
import numpy as np
import pytest

from mova_core.errors import MediaError
from mova_core.media.container import mp4_payload
from mova_core.media.encode import write_media
from mova_core.media.provenance import LoraUsed, Provenance, Recipe, read_provenance, write_provenance

ONE, TWO = Provenance("0123456789abcdef"), Provenance("f" * 16)
WHOLE = Provenance(
    "0" * 16,
    (LoraUsed("1" * 16, 0.7), LoraUsed("2" * 16)),
    Recipe(
        prompt="a „ball“ 🎈",
        negative_prompt="",
        seed=2**53 - 1,
        settings={"steps": 8, "target_lufs": None},
        task={"extend": 2},
        inputs={"image": "a" * 64},
        runtime={"device": "cpu", "compile": False},
        batch=3,
        versions={"torch": "2"},
    ),
)
CONTAINERS = {
    "mp4": {"container": "mp4", "video_codec": "libx264", "audio_codec": "flac", "crf": 14},
    "mkv": {"container": "matroska", "video_codec": "ffv1", "audio_codec": "flac", "crf": None, "pixel_format": "bgr0"},
}


@pytest.fixture(params=CONTAINERS)
def clip(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    frames = np.random.default_rng(0).integers(0, 255, (5, 16, 16, 3), dtype=np.uint8)
    path = tmp_path / f"clip.{request.param}"
    write_media(path, frames, 16, np.zeros(5000, np.float32), 16000, **CONTAINERS[request.param])
    return path


def packets(path: Path) -> list[tuple[int, int | None, bytes]]:
    with av.open(str(path)) as container:
        return [(packet.stream_index, packet.pts, bytes(packet)) for packet in container.demux() if packet.size]


def test_what_was_written_is_read(clip: Path) -> None:
    assert read_provenance(clip) is None
    for written in (ONE, WHOLE):
        write_provenance(clip, written)
        assert read_provenance(clip) == written


def test_every_packet_stays_where_it_was(clip: Path) -> None:
    before, bytes_before = packets(clip), clip.read_bytes()
    write_provenance(clip, WHOLE)
    assert packets(clip) == before and len(before) > 5
    differ = [at for at, (old, new) in enumerate(zip(bytes_before, clip.read_bytes(), strict=False)) if old != new]
    # Of a Matroska file the segment's own size grows, at its place behind the file's header.
    assert len(clip.read_bytes()) > len(bytes_before) and (not differ or max(differ) < 64)


def test_writing_again_replaces_and_the_same_gives_the_same_bytes(clip: Path) -> None:
    write_provenance(clip, ONE)
    once = clip.read_bytes()
    write_provenance(clip, TWO)
    assert read_provenance(clip) == TWO
    write_provenance(clip, ONE)
    assert clip.read_bytes() == once


@pytest.mark.parametrize("clip", ["mp4"], indirect=True)
def test_a_box_behind_ours_is_kept(clip: Path) -> None:
    write_provenance(clip, ONE)
    free = (12).to_bytes(4) + b"free" + b"abcd"
    clip.write_bytes(clip.read_bytes() + free)
    write_provenance(clip, TWO)
    assert read_provenance(clip) == TWO and free in clip.read_bytes()


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ({"checkpoint_id": "a" * 16}, Provenance("a" * 16)),
        ({"checkpoint_id": "a" * 16, "lora": "b" * 16}, Provenance("a" * 16, (LoraUsed("b" * 16, 1.0),))),
    ],
)
@pytest.mark.parametrize("clip", ["mp4"], indirect=True)
def test_clips_of_the_first_schema_are_still_read(clip: Path, stated: dict[str, str], expected: Provenance) -> None:
    payload = json.dumps({"schema": "provenance/1"} | stated).encode()
    clip.write_bytes(mp4_payload.with_payload(clip.read_bytes(), payload))
    assert read_provenance(clip) == expected


@pytest.mark.parametrize("cut", [0, 6, -1])
def test_a_file_that_is_not_whole_is_refused(clip: Path, cut: int) -> None:
    write_provenance(clip, ONE)
    clip.write_bytes(clip.read_bytes()[:cut])
    for act in (read_provenance, lambda path: write_provenance(path, TWO)):
        with pytest.raises(MediaError, match=r"clip\.m"):
            act(clip)


@pytest.mark.parametrize("was", [b"provenance/2", b'"checkpoint_id"', b'"0123456789abcdef"'])
def test_a_provenance_of_another_kind_is_refused(clip: Path, was: bytes) -> None:
    write_provenance(clip, ONE)
    clip.write_bytes(clip.read_bytes().replace(was, b"9" * len(was)))
    with pytest.raises(MediaError, match="expected provenance/1 or provenance/2"):
        read_provenance(clip)


def test_a_file_of_another_container_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"RIFF" + bytes(100))
    with pytest.raises(MediaError, match="neither mp4"):
        read_provenance(tmp_path / "a.wav")
