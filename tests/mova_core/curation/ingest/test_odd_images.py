"""Any orientation, pixels that are not square, interlaced: a cut recording is upright and in proportion."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.bitstream import BitStreamFilterContext

from mova_core.curation.cut.source_clips import SourceTask, Window, clips_of
from mova_core.curation.segment.letterbox import Letterbox
from mova_core.geometry import Canvas, ClipGeometry
from mova_core.media.clip_file import ClipCoding, read_clip
from mova_core.media.probe import probe
from mova_core.media.video.orientation import Orientation

CANVAS = (144, 240)
GEOMETRY = ClipGeometry("both", 9, 24, (Canvas(*CANVAS), Canvas(*CANVAS[::-1])), 48_000, 960, 1)
HEIGHT, WIDTH, FPS, SECONDS = 96, 160, 25, 1
ONE = 1 << 16
MATRICES = {  # a, b, c, d of a display matrix: (x, y) is shown at (a x + c y, b x + d y); ISO/IEC 14496-12, 8.3.2
    "as it is": (1, 0, 0, 1),
    "clockwise": (0, 1, -1, 0),
    "upside down": (-1, 0, 0, -1),
    "counter-clockwise": (0, -1, 1, 0),
    "hflip": (-1, 0, 0, 1),
    "vflip": (1, 0, 0, -1),
    "transpose": (0, 1, 1, 0),
    "anti-transpose": (0, -1, -1, 0),
}
QUARTERS = {(-1, -1): 220, (1, -1): 120}
"""Levels of the coded frame's upper left and upper right quarter; the lower half is dark."""
DARK = 20
ACROSS = {name for name, (a, *_) in MATRICES.items() if a == 0}
IN_STREAM = {"as it is": "", "hflip": "flip=horizontal", "vflip": "flip=vertical", "counter-clockwise": "rotate=90"}


def write_film(
    path: Path,
    matrix: str = "as it is",
    sample_aspect: Fraction = Fraction(1),
    x264: str = "mbtree=0",
    message: str = "",
) -> None:
    """A film of `QUARTERS` with this matrix in its container, or with this message in its stream.

    Args:
        message: options of FFmpeg's bit stream filter h264_metadata.
    """
    image = np.full((HEIGHT, WIDTH, 3), DARK, np.uint8)
    image[: HEIGHT // 2, : WIDTH // 2] = QUARTERS[-1, -1]
    image[: HEIGHT // 2, WIDTH // 2 :] = QUARTERS[1, -1]
    with av.open(str(path), "w") as output:
        video = output.add_stream("libx264", rate=FPS, width=WIDTH, height=HEIGHT, pix_fmt="yuv420p")
        video.codec_context.options = {"x264-params": x264}
        video.codec_context.sample_aspect_ratio = sample_aspect
        a, b, c, d = (ONE * value for value in MATRICES[matrix])
        video.set_display_matrix((a, b, 0, c, d, 0, 0, 0, 1 << 30))
        filters = f"h264_metadata=display_orientation=insert:{message}" if message else "null"
        turned = BitStreamFilterContext(filters, video)
        audio = output.add_stream("aac", rate=48_000, layout="mono")
        piece = av.AudioFrame.from_ndarray(np.zeros((1, 48_000 * SECONDS), np.float32), "fltp", "mono")
        piece.sample_rate, piece.pts = 48_000, 0
        output.mux(audio.encode(piece))
        output.mux(audio.encode(None))
        for number in range(FPS * SECONDS):
            shot = av.VideoFrame.from_ndarray(image, "rgb24")
            shot.pts, shot.time_base = number, Fraction(1, FPS)
            for packet in video.encode(shot):
                output.mux(turned.filter(packet))
        for packet in video.encode(None):
            output.mux(turned.filter(packet))


def quarters_shown(frame: np.ndarray) -> dict[tuple[int, int], int]:
    """Mean level of each quarter of an image [H, W], by (x, y) of -1 and 1."""
    height, width = frame.shape
    means = frame.reshape(2, height // 2, 2, width // 2).mean(axis=(1, 3))
    return {(x, y): float(means[(y + 1) // 2, (x + 1) // 2]) for x in (-1, 1) for y in (-1, 1)}


def check_quarters(frame: np.ndarray, matrix: str) -> None:
    """Each quarter of the coded frame is shown where the matrix takes it."""
    a, b, c, d = MATRICES[matrix]
    shown = quarters_shown(frame)
    for x in (-1, 1):
        for y in (-1, 1):
            assert shown[a * x + c * y, b * x + d * y] == pytest.approx(QUARTERS.get((x, y), DARK), abs=12), (x, y)


def cut_frames(path: Path, codec: str = "ffv1", letterbox: Letterbox = Letterbox()) -> np.ndarray:
    found = probe(path, head_s=0.5, max_pixels=1 << 20)
    window = Window("w", 0.2, 0.2 + GEOMETRY.duration_s, "any")
    task = SourceTask(
        path,
        path.parent,
        "",
        Orientation(found.rotation_deg, found.hflip),
        found.display_aspect,
        letterbox,
        (window,),
        GEOMETRY,
        ClipCoding(codec, 4),
        "train",
        "tonemap",
    )
    [clip] = clips_of(task)
    return read_clip(clip.data)[0]


@pytest.mark.parametrize("codec", ["ffv1", "libx264"])  # through RGB, and in YUV
@pytest.mark.parametrize("x264", ["mbtree=0", "mbtree=0:fake-interlaced=1"], ids=["progressive", "flagged interlaced"])
@pytest.mark.parametrize("matrix", MATRICES)
def test_all_eight_orientations_come_out_upright(tmp_path, matrix, x264, codec):
    write_film(tmp_path / "a.mp4", matrix, x264=x264)
    frames = cut_frames(tmp_path / "a.mp4", codec)
    assert frames.shape[1:3] == ((CANVAS[::-1]) if matrix in ACROSS else CANVAS)
    check_quarters(frames[4, :, :, 1], matrix)


@pytest.mark.parametrize("name", ["a.mov", "a.mkv"])
@pytest.mark.parametrize("matrix", MATRICES)
def test_other_containers_carry_a_matrix_too(tmp_path, matrix, name):
    write_film(tmp_path / name, matrix)
    check_quarters(cut_frames(tmp_path / name)[4, :, :, 1], matrix)


@pytest.mark.parametrize("matrix", IN_STREAM)
def test_h264_carries_an_orientation_of_its_own(tmp_path, matrix):
    write_film(tmp_path / "a.ts", message=IN_STREAM[matrix])
    check_quarters(cut_frames(tmp_path / "a.ts")[4, :, :, 1], matrix)


def test_the_letterbox_is_of_the_coded_frame(tmp_path):
    """Bars are found before a flip and lie at the other side after it."""
    write_film(tmp_path / "a.mp4", "hflip")
    left = cut_frames(tmp_path / "a.mp4", letterbox=Letterbox(left_px=WIDTH // 2))[4, :, :, 1]
    assert left.max() < QUARTERS[-1, -1] - 50, "the brightest quarter was cut away"
    assert float(np.median(left[left > 2 * DARK])) == pytest.approx(QUARTERS[1, -1], abs=12)


@pytest.mark.parametrize("matrix", ["as it is", "clockwise", "transpose"])
@pytest.mark.parametrize("sample_aspect", [Fraction(1, 2), Fraction(16, 15), Fraction(2)], ids=str)
def test_pixels_that_are_not_square_are_stretched_along_the_coded_rows(tmp_path, matrix, sample_aspect):
    write_film(tmp_path / "a.mp4", matrix, sample_aspect)
    frame = cut_frames(tmp_path / "a.mp4")[4, :, :, 1]
    rows, columns = np.flatnonzero(frame.max(axis=1) > 10), np.flatnonzero(frame.max(axis=0) > 10)
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    aspect = WIDTH * sample_aspect / HEIGHT
    assert width / height == pytest.approx(float(1 / aspect if matrix in ACROSS else aspect), rel=0.03)
    assert height == frame.shape[0] or width == frame.shape[1], "it fills the canvas along one side"
    assert (rows[0] + rows[-1] + 1, columns[0] + columns[-1] + 1) == frame.shape, "between equal bars"
