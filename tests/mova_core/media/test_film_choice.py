"""Of several video streams the film is used, by every stage the same, wherever it stands in the file."""

import gc
from fractions import Fraction

import av
import numpy as np
import pytest

from mova_core.media.decode import Frame, decode
from mova_core.media.probe import probe

FPS = 25
FILM = (25, 64, 48, "libx264")  # frames, width, height, encoder


def write_tracks(path, container, tracks):
    """Video streams in this order, each of its own grey, 25 frames a second, and a second of audio."""
    with av.open(str(path), "w", format=container) as output:
        packets = []
        for number, (frames, width, height, codec) in enumerate(tracks):
            pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            stream = output.add_stream(codec, rate=FPS, width=width, height=height, pix_fmt=pixels)
            if codec == "mjpeg":
                stream.codec_context.color_range = 2
            for index in range(frames):
                image = av.VideoFrame.from_ndarray(np.full((height, width, 3), level(number), np.uint8), "rgb24")
                image = image.reformat(format=pixels, dst_color_range=2 if codec == "mjpeg" else 1)
                image.pts, image.time_base = index, Fraction(1, FPS)
                packets += stream.encode(image)
            packets += stream.encode(None)
        audio = output.add_stream("aac", rate=48_000, layout="mono")
        for start in range(0, 48_000, 1024):
            piece = av.AudioFrame.from_ndarray(np.full((1, 1024), 0.2, np.float32), "fltp", "mono")
            piece.sample_rate, piece.pts = 48_000, start
            packets += audio.encode(piece)
        packets += audio.encode(None)
        output.start_encoding()
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            output.mux(packet)


def level(number):
    return 60 + 60 * number


COVER, SMALLER, PREVIEW = (1, 320, 240, "mjpeg"), (25, 32, 24, "libx264"), (5, 640, 480, "libx264")


@pytest.mark.parametrize("container", ["matroska", "mp4", "mov", "nut", "mpegts"])
@pytest.mark.parametrize(
    ("tracks", "film"),
    [
        ([COVER, FILM], 1),
        ([FILM, COVER], 0),
        ([COVER, COVER, FILM], 2),
        ([SMALLER, FILM], 1),
        ([PREVIEW, SMALLER, FILM], 2),
        ([FILM, FILM], 0),
    ],
)
def test_the_film_is_found_among_covers_previews_and_smaller_copies(tmp_path, container, tracks, film):
    if container == "mpegts" and COVER in tracks:
        pytest.skip("a transport stream holds no JPEG")
    path = tmp_path / "a.bin"
    write_tracks(path, container, tracks)
    found = probe(path, head_s=0.3, max_pixels=10_000)  # a cover or preview may be larger than a film may be
    assert (found.width_px, found.height_px, found.fps) == (64, 48, pytest.approx(FPS, rel=0.01))
    frames = [piece for piece in decode(path, audio_rate_hz=16_000) if isinstance(piece, Frame)]
    assert len(frames) == 25 and {(frame.image.width, frame.image.height) for frame in frames} == {(64, 48)}
    assert all(abs(frame.luma().mean() - level(film)) < 6 for frame in frames)


def test_a_pass_that_ends_early_does_not_disturb_another(tmp_path):
    """PyAV keeps what goes with a packet by its identity: what one decoder lets go must not be the other's."""
    path = tmp_path / "a.mp4"
    write_tracks(path, "mp4", [FILM])
    first, second = (decode(path, audio_rate_hz=None) for _ in range(2))
    shown = [next(second) for _ in range(5)]
    for _ in range(5):
        next(first)
    first.close()
    gc.collect()
    shown += second
    assert len(shown) == 25 and all(isinstance(frame, Frame) for frame in shown)
