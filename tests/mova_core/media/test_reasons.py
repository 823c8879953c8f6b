"""Each reason for which a file cannot be used is given for a file made so, in a sentence that names its cause."""

import ast
import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from mova_core.errors import MediaError
from mova_core.media import probe as probing
from mova_core.media.container import demux, formats
from mova_core.media.encode import write_media
from mova_core.media.probe import probe
from mova_core.media.video import color

NOT_OF_A_FILE = {"memory_limit"}  # of the worker that reads it
MVHD = (108).to_bytes(4, "big") + b"mvhd" + bytes(12) + (1000).to_bytes(4, "big") + bytes(84)


def make(path, frames=25, fps=25, size=(48, 64), audio=True):
    rng = np.random.default_rng(0)
    samples = rng.normal(0, 0.1, max(16_000, round(16_000 * frames / fps))).astype(np.float32) if audio else None
    images = (rng.integers(0, 255, (*size, 3), np.uint8) for _ in range(frames))
    write_media(path, images, fps, samples, 16_000)


def box(kind, content):
    return (8 + len(content)).to_bytes(4, "big") + kind + content


def without_moov(path):
    make(path)
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"moov") - 4])


def replaced(old, new):
    def write(path):
        make(path)
        path.write_bytes(path.read_bytes().replace(old, new, 1))

    return write


def audio_after_the_film(path):
    plain = path.with_suffix(".plain")
    make(plain)
    with av.open(str(plain)) as source, av.open(str(path), "w", format="matroska") as output:
        streams = {stream.index: output.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if packet.dts is None:
                continue
            late = round(5 / packet.time_base) if packet.stream.type == "audio" else 0
            packet.pts, packet.dts = packet.pts + late, packet.dts + late
            packet.stream = streams[packet.stream.index]
            output.mux(packet)


def in_matrix(matrix, transfer):
    """A film whose frames are tagged so."""

    def write(path):
        with av.open(str(path), "w", format="matroska") as output:
            video = output.add_stream("libx264", rate=25, width=64, height=48, pix_fmt="yuv444p10le")
            video.codec_context.colorspace, video.codec_context.color_trc = matrix, transfer
            audio = output.add_stream("flac", rate=48_000, layout="mono")
            piece = av.AudioFrame.from_ndarray(np.full((1, 24_000), 99, np.int16), "s16", "mono")
            piece.sample_rate, piece.pts = 48_000, 0
            output.mux([*audio.encode(piece), *audio.encode(None)])
            for number in range(12):
                image = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 90, np.uint8), "rgb24")
                image = image.reformat(format="yuv444p10le")
                image.pts, image.time_base = number, Fraction(1, 25)
                output.mux(video.encode(image))
            output.mux(video.encode(None))

    return write


def written(data):
    return lambda path: path.write_bytes(data)


FILES = [  # code, a word of the sentence, and what writes such a file
    ("empty_file", "0 bytes", written(b"")),
    ("git_lfs_pointer", "git lfs pull", written(b"version https://git-lfs.github.com/spec/v1\n")),
    ("still_image", "PNG image", written(b"\x89PNG\r\n\x1a\n")),
    ("not_media", "web page", written(b"<!DOCTYPE html><html></html>")),
    ("not_media", "playlist", written(b"#EXTM3U\na.ts\n")),
    ("not_a_file", "not a regular file", os.mkfifo),
    ("unreadable", "No such file", lambda path: None),
    ("unreadable", "cannot be opened", written(b"\x1a\x45\xdf\xa3" + b"?" * 80)),
    ("truncated", "moov box", without_moov),
    ("encrypted", "encrypted", replaced(b"avc1\0\0", b"encv\0\0")),
    ("unknown_codec", "no decoder for its video", replaced(b"avc1\0\0", b"zzz9\0\0")),
    ("no_video", "neither a video nor an audio", written(box(b"ftyp", b"isom" + bytes(8)) + box(b"moov", MVHD))),
    ("no_audio", "no audio stream", lambda path: make(path, audio=False)),
    ("no_audio", "H.264 video without audio", written(b"\0\0\0\x01\x67\x64\0\x1f")),
    ("frame_too_large", "128x96, more than 10000 pixels", lambda path: make(path, size=(96, 128))),
    ("odd_aspect", "over 10 to 1", lambda path: make(path, size=(16, 256))),
    ("single_frame", "a single frame", lambda path: make(path, frames=1)),
    ("frame_rate_too_low", "expected 1 to 240", lambda path: make(path, frames=4, fps=Fraction(1, 2))),
    ("frame_rate_too_high", "expected 1 to 240", lambda path: make(path, frames=50, fps=250)),
    ("no_overlap", "never run at the same time", audio_after_the_film),
    ("hdr_unsupported", "ICtCp", in_matrix(14, 16)),
    ("color_unsupported", "YCgCo", in_matrix(8, 1)),
]


@pytest.mark.parametrize(("code", "words", "write"), FILES, ids=[f"{code}: {words}" for code, words, _ in FILES])
def test_the_sentence_names_the_cause(tmp_path, code, words, write):
    path = tmp_path / "a.mp4"
    write(path)
    with pytest.raises(MediaError) as error:
        probe(path, head_s=0.2, max_pixels=10_000)
    assert error.value.code == code and words in error.value.reason
    assert "\n" not in error.value.reason and str(tmp_path) not in error.value.reason


def test_no_reason_is_without_such_a_file():
    raised = {
        node.args[0].value
        for module in (color, formats, demux, probing)
        for node in ast.walk(ast.parse(Path(module.__file__).read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "MediaError"
        and isinstance(node.args[0], ast.Constant)
    }
    assert raised - NOT_OF_A_FILE <= {code for code, *_ in FILES}
