"""HDR and wide gamut from any container are cut in BT.709, or refused as params say, and `sources` tells their tags."""

from fractions import Fraction

import av
import numpy as np
import pytest

from mova_core.curation.cut.source_clips import SourceTask, Window, clips_of
from mova_core.curation.segment.letterbox import Letterbox
from mova_core.geometry import Canvas, ClipGeometry
from mova_core.media.clip_file import ClipCoding, read_clip
from mova_core.media.probe import probe
from mova_core.media.video.orientation import Orientation
from tests.mova_core.media.video.test_color import BT709, BT2020, COLOURS, HLG, P3, PQ, coded

GEOMETRY = ClipGeometry("wide", 9, 24, (Canvas(128, 256),), 48_000, 960, 1)
FPS = 24
NAMES = {PQ: "smpte2084", HLG: "arib-std-b67", BT709: "bt709", BT2020: "bt2020", P3: "smpte432"}


def write_film(path, transfer, primaries):
    """Three quarters of a second of blocks in `COLOURS`, side by side."""
    frame = coded(COLOURS.repeat(2, 0), transfer, primaries).image.reformat(width=256, height=128)
    with av.open(str(path), "w") as output:
        video = output.add_stream("libx264", rate=FPS, width=256, height=128, pix_fmt="yuv420p10le")
        video.codec_context.options = {"crf": "4", "x264-params": "mbtree=0"}
        context = video.codec_context
        context.color_trc, context.color_primaries = transfer, primaries
        context.colorspace, context.color_range = frame.colorspace, 1
        audio = output.add_stream("aac", rate=48_000, layout="mono")
        piece = av.AudioFrame.from_ndarray(np.full((1, 36_000), 0.1, np.float32), "fltp", "mono")
        piece.sample_rate, piece.pts = 48_000, 0
        output.mux(audio.encode(piece))
        output.mux(audio.encode(None))
        for number in range(FPS * 3 // 4):
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            output.mux(video.encode(frame))
        output.mux(video.encode(None))


def cut(path, codec, hdr="tonemap"):
    window = Window("w", 0.15, 0.15 + GEOMETRY.duration_s, "any")
    coding = ClipCoding(codec, 4)
    task = SourceTask(path, path.parent, "", Orientation(), 2.0, Letterbox(), (window,), GEOMETRY, coding, "train", hdr)
    [result] = clips_of(task)
    return result


@pytest.mark.parametrize("codec", ["ffv1", "libx264"])  # through RGB, and in YUV
@pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a.ts"])
@pytest.mark.parametrize(("transfer", "primaries"), [(PQ, BT2020), (HLG, BT2020), (BT709, BT2020), (BT709, P3)])
def test_a_clip_has_the_colours_that_were_meant(tmp_path, name, transfer, primaries, codec):
    path = tmp_path / name
    write_film(path, transfer, primaries)
    found = probe(path, head_s=0.2, max_pixels=1 << 20)
    assert (found.color_transfer, found.color_primaries, found.color_range) == (
        NAMES[transfer],
        NAMES[primaries],
        "tv",
    )
    frames = read_clip(cut(path, codec).data)[0]
    shown = frames[4, 64, 16::32].astype(int)
    np.testing.assert_allclose(shown, COLOURS, atol=12)


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_hdr_is_refused_where_params_say_so(tmp_path, transfer):
    write_film(tmp_path / "a.mkv", transfer, BT2020)
    row = cut(tmp_path / "a.mkv", "libx264", hdr="reject")
    assert row["reason_code"] == "hdr_unsupported" and NAMES[transfer] in row["reason"]


def test_wide_gamut_without_hdr_is_never_refused(tmp_path):
    write_film(tmp_path / "a.mkv", BT709, BT2020)
    assert read_clip(cut(tmp_path / "a.mkv", "libx264", hdr="reject").data)[0].shape == (9, 128, 256, 3)
