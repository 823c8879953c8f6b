"""The clip of one file: where it starts, and why there is none."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from mova_core.curation.cut.shards import read_member
from mova_core.curation.cut.source_result import read_part
from mova_core.curation.engine.base import Engine
from mova_core.curation.engine.worker import LimitedCall
from mova_core.curation.own_clips import encode_clips
from mova_core.curation.own_clips.folder import OwnClip
from mova_core.errors import MovaError, StaleError
from mova_core.geometry import GEOMETRIES
from mova_core.media.clip_file import read_clip
from mova_core.media.encode import write_media
from mova_core.params import Params
from mova_core.places import DataFolder
from mova_core.storage.hashing import sha256_file

GEOMETRY = GEOMETRIES["nano-32"]


def media(path: Path, seconds: float, *, audio: bool = True) -> Path:
    """Frames that grow brighter, 64x32; a tone."""
    frames = np.stack([np.full((32, 64, 3), 2 * number, np.uint8) for number in range(round(seconds * 16))])
    tone = 0.3 * np.sin(np.arange(round(seconds * 16_000)) * 0.2).astype(np.float32)
    write_media(path, iter(frames), Fraction(16), tone if audio else None, 16_000)
    return path


def cut(
    path: Path, root: Path, monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], object] = lambda: None
) -> dict:
    """The row of table `clips` of one file, cut as a worker does, in this process."""

    def here(function, items, *, limits, **_):
        for result in map(LimitedCall(function, limits), items):
            result.check()
            yield result

    monkeypatch.setattr(encode_clips, "run", here)
    data = DataFolder(root)
    data.clips.mkdir(exist_ok=True)
    clip = OwnClip(path, sha256_file(path), "A box.")
    meanwhile()
    task = encode_clips._task(clip, Params(), GEOMETRY, data)
    encode_clips._cut([task], Params(), Engine())
    (row,) = read_part(task.part).clips
    return {**row, "path": task.part.name}


def test_the_first_part_becomes_a_clip_of_the_geometry_padded_onto_its_canvas(tmp_path, monkeypatch):
    row = cut(media(tmp_path / "long.mp4", 4.0), tmp_path, monkeypatch)
    frames, audio = read_clip(read_member(tmp_path / "clips", row))
    assert frames.shape == (GEOMETRY.frames, 32, 32, 3) and audio.size == GEOMETRY.audio_samples
    assert frames[:, 0].max() < 20 < frames[-1, 16, 16].min()  # black above the content, which grows brighter
    assert abs(int(frames[10, 16, 16, 0]) - 20) < 8


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "short.mp4",
            r"short\.mp4 cannot be used \(short_video\): .* fill 16 frames, 33 are needed; bring a video with ",
        ),
        ("mute.mp4", r"mute\.mp4 cannot be used \(no_audio\): "),
        ("text.mp4", r"text\.mp4 cannot be used \(not_media\): .*; bring a video with audio of at least 2\.06 s"),
    ],
)
def test_what_gives_no_clip_stops_with_its_reason(tmp_path, monkeypatch, name, sentence):
    media(tmp_path / "short.mp4", 1.0)
    media(tmp_path / "mute.mp4", 3.0, audio=False)
    (tmp_path / "text.mp4").write_text("no video at all " * 100)
    with pytest.raises(MovaError, match=sentence):
        cut(tmp_path / name, tmp_path, monkeypatch)


def test_a_file_that_was_exchanged_after_it_was_named_gives_no_clip(tmp_path, monkeypatch):
    path = media(tmp_path / "long.mp4", 4.0)
    with pytest.raises(StaleError, match=r"long\.mp4 changed since this training was started.*run it again") as refused:
        cut(path, tmp_path, monkeypatch, meanwhile=lambda: media(path, 3.0))
    assert "ingest" not in str(refused.value) and list((tmp_path / "clips").iterdir()) == []
