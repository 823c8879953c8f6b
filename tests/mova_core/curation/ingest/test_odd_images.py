"""Turned recordings and pixels that are not square come out of the cut upright and in proportion, interlaced or not."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from mova_core.curation.cut.source_clips import SourceTask, Window, clips_of
from mova_core.curation.segment.letterbox import Letterbox
from mova_core.geometry import Canvas, ClipGeometry
from mova_core.media.clip_file import ClipCoding, read_clip
from mova_core.media.probe import probe

GEOMETRY = ClipGeometry("both", 9, 24, (Canvas(96, 160), Canvas(160, 96)), 48_000, 960, 1)
HEIGHT, WIDTH, FPS, SECONDS = 96, 160, 25, 1
ONE = 1 << 16
CLOCKWISE = {  # ISO 14496-12, 8.3.2: a, b, c, d of a track's matrix, 16.16
    0: (ONE, 0, 0, ONE),
    90: (0, ONE, -ONE, 0),
    180: (-ONE, 0, 0, -ONE),
    270: (0, -ONE, ONE, 0),
}
BRIGHT_CORNER = {0: (0, 0), 90: (0, 1), 180: (1, 1), 270: (1, 0)}
"""Where the coded frame's upper left quarter is seen: (lower half, right half)."""


def write_film(path: Path, turn: int, sample_aspect: Fraction, x264: str) -> None:
    """Dark but for its upper left quarter; a track matrix that turns it clockwise."""
    image = np.full((HEIGHT, WIDTH, 3), 20, np.uint8)
    image[: HEIGHT // 2, : WIDTH // 2] = 220
    with av.open(str(path), "w", format="mp4") as output:
        video = output.add_stream("libx264", rate=FPS, width=WIDTH, height=HEIGHT, pix_fmt="yuv420p")
        video.codec_context.options = {"x264-params": x264}
        video.codec_context.sample_aspect_ratio = sample_aspect
        audio = output.add_stream("flac", rate=48_000, layout="mono")
        piece = av.AudioFrame.from_ndarray(np.zeros((1, 48_000 * SECONDS), np.int16), "s16", "mono")
        piece.sample_rate, piece.pts = 48_000, 0
        output.mux(audio.encode(piece))
        output.mux(audio.encode(None))
        for number in range(FPS * SECONDS):
            shot = av.VideoFrame.from_ndarray(image, "rgb24")
            shot.pts, shot.time_base = number, Fraction(1, FPS)
            output.mux(video.encode(shot))
        output.mux(video.encode(None))
    data = bytearray(path.read_bytes())
    matrix = data.index(b"tkhd") + 44  # of the first track, the frame's
    a, b, c, d = (value.to_bytes(4, "big", signed=True) for value in CLOCKWISE[turn])
    data[matrix : matrix + 20] = a + b + bytes(4) + c + d
    path.write_bytes(data)


def cut_frames(path: Path) -> np.ndarray:
    found = probe(path, head_s=0.5, max_pixels=1 << 20)
    window = Window("w", 0.2, 0.2 + GEOMETRY.duration_s, "any")
    task = SourceTask(
        path,
        path.parent,
        "",
        found.rotation_deg,
        found.display_aspect,
        Letterbox(),
        (window,),
        GEOMETRY,
        ClipCoding("ffv1", 14),
        "train",
    )
    [clip] = clips_of(task)
    return read_clip(clip.data)[0]


@pytest.mark.parametrize("x264", ["mbtree=0", "mbtree=0:fake-interlaced=1"], ids=["progressive", "flagged interlaced"])
@pytest.mark.parametrize("turn", CLOCKWISE)
def test_a_turned_recording_is_upright(tmp_path, turn, x264):
    write_film(tmp_path / "a.mp4", turn, Fraction(1), x264)
    frames = cut_frames(tmp_path / "a.mp4")
    assert frames.shape[1:3] == ((160, 96) if turn % 180 else (96, 160))
    height, width = frames.shape[1:3]
    halves = frames[4, :, :, 1].reshape(2, height // 2, 2, width // 2).mean(axis=(1, 3))
    assert np.argwhere(halves > 128).tolist() == [list(BRIGHT_CORNER[turn])]


@pytest.mark.parametrize("turn", [0, 90])
@pytest.mark.parametrize("sample_aspect", [Fraction(1, 2), Fraction(16, 15), Fraction(2)], ids=str)
def test_pixels_that_are_not_square_are_stretched_along_the_coded_rows(tmp_path, turn, sample_aspect):
    write_film(tmp_path / "a.mp4", turn, sample_aspect, "mbtree=0")
    frame = cut_frames(tmp_path / "a.mp4")[4, :, :, 1]
    rows, columns = np.flatnonzero(frame.max(axis=1) > 10), np.flatnonzero(frame.max(axis=0) > 10)
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    aspect = WIDTH * sample_aspect / HEIGHT
    assert width / height == pytest.approx(float(1 / aspect if turn else aspect), rel=0.03)
    assert height == frame.shape[0] or width == frame.shape[1], "it fills the canvas along one side"
    assert (rows[0] + rows[-1] + 1, columns[0] + columns[-1] + 1) == frame.shape, "between equal bars"
