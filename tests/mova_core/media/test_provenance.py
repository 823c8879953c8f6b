"""A clip says which checkpoint made it, and is otherwise what it was."""

from pathlib import Path

import numpy as np
import pytest

from mova_core.errors import MediaError
from mova_core.media.clip_file import read_clip
from mova_core.media.encode import write_media
from mova_core.media.provenance import Provenance, read_provenance, write_provenance

ONE, TWO = Provenance("0123456789abcdef"), Provenance("f" * 16)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    frames = np.random.default_rng(0).integers(0, 255, (5, 16, 16, 3), dtype=np.uint8)
    write_media(tmp_path / "clip.mp4", frames, 16, np.zeros(5000, np.float32), 16000)
    return tmp_path / "clip.mp4"


def test_what_was_written_is_read(clip: Path) -> None:
    assert read_provenance(clip) is None
    for written in (ONE, Provenance("0" * 16, lora="1" * 16)):
        write_provenance(clip, written)
        assert read_provenance(clip) == written


def test_frame_and_audio_stay_and_nothing_before_moves(clip: Path) -> None:
    before, bytes_before = read_clip(clip), clip.read_bytes()
    write_provenance(clip, ONE)
    after = read_clip(clip)
    assert all(np.array_equal(old, new) for old, new in zip(before, after, strict=True))
    assert clip.read_bytes().startswith(bytes_before)


def test_writing_again_replaces_and_the_same_gives_the_same_bytes(clip: Path) -> None:
    write_provenance(clip, ONE)
    once = clip.read_bytes()
    write_provenance(clip, TWO)
    assert read_provenance(clip) == TWO
    write_provenance(clip, ONE)
    assert clip.read_bytes() == once


def test_a_box_behind_ours_is_kept(clip: Path) -> None:
    write_provenance(clip, ONE)
    free = (12).to_bytes(4) + b"free" + b"abcd"
    clip.write_bytes(clip.read_bytes() + free)
    write_provenance(clip, TWO)
    assert read_provenance(clip) == TWO and free in clip.read_bytes()


@pytest.mark.parametrize("cut", [0, 6, -1])
def test_a_file_that_is_no_whole_mp4_is_refused(clip: Path, cut: int) -> None:
    write_provenance(clip, ONE)
    clip.write_bytes(clip.read_bytes()[:cut])
    for act in (read_provenance, lambda path: write_provenance(path, TWO)):
        with pytest.raises(MediaError, match=r"clip\.mp4"):
            act(clip)


def test_a_provenance_of_another_kind_is_refused(clip: Path) -> None:
    write_provenance(clip, ONE)
    clip.write_bytes(clip.read_bytes().replace(b"provenance/1", b"provenance/9"))
    with pytest.raises(MediaError, match="expected provenance/1"):
        read_provenance(clip)
