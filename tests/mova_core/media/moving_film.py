"""A film in which every frame differs from every other, so that one made up by a decoder is told from a true one."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from mova_core.media.decode import Frame, decode
from mova_core.media.lost import Lost

FPS, RATE_HZ = 25, 48_000
TS_BYTES = 188  # of a transport stream's own packets
Packets = list[Any]


@dataclass(frozen=True)
class Coded:
    """How a film is stored."""

    container: str
    video: str
    audio: str = "aac"
    options: str = "g=25"

    def __str__(self) -> str:
        return f"{self.video} in {self.container} ({self.options})"


def picture(number: int) -> NDArray[np.uint8]:
    """Frame [72, 96, 3]: coloured stripes that move, and a square that jumps."""
    y, x = np.mgrid[0:72, 0:96]
    image = np.stack([x * 3 + number * 5, y * 3 + number * 7, (x + y) * 2 + number * 11], 2) % 256
    top, left = number * 3 % 56, number * 5 % 80
    image[top : top + 16, left : left + 16] = number * 37 % 256
    return image.astype(np.uint8)


def write(
    path: Path,
    coded: Coded,
    seconds: float = 4.0,
    change: Callable[[Packets, Packets], tuple[Packets, Packets]] = lambda images, sounds: (images, sounds),
    dropped: Collection[int] = (),
) -> Path:
    """Encode the film with noise beside it.

    Args:
        path: where to.
        coded: how.
        seconds: its length.
        change: may alter the packets (video, audio) before they are written.
        dropped: frames that never reach the encoder, as a recorder may drop them.
    """
    options = dict(pair.split("=", 1) for pair in coded.options.split(",") if pair)
    if coded.video == "libx264":  # its macroblock-tree gives other bytes from run to run
        options["x264-params"] = ":".join(("mbtree=0", *filter(None, [options.get("x264-params")])))
    with av.open(str(path), "w", format=coded.container) as out:
        images: Any = out.add_stream(coded.video, rate=FPS, options=options)
        images.width, images.height = 96, 72
        images.pix_fmt = "yuvj420p" if coded.video == "mjpeg" else "yuv420p"
        images.codec_context.time_base = Fraction(1, FPS)
        sounds: Any = out.add_stream(coded.audio, rate=RATE_HZ, layout="mono")
        sounds.codec_context.open()
        size = sounds.codec_context.frame_size or 1024
        resampler = av.AudioResampler(format=sounds.codec_context.format, layout="mono", rate=RATE_HZ, frame_size=size)
        packets: tuple[Packets, Packets] = [], []
        for number in (one for one in range(round(seconds * FPS)) if one not in dropped):
            frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            packets[0].extend(images.encode(frame))
        packets[0].extend(images.encode())
        noise = np.random.default_rng(1).normal(0, 0.05, (1, round(seconds * RATE_HZ))).astype(np.float32)
        whole = av.AudioFrame.from_ndarray(noise, format="fltp", layout="mono")
        whole.sample_rate, whole.pts, whole.time_base = RATE_HZ, 0, Fraction(1, RATE_HZ)
        for piece in (*resampler.resample(whole), *resampler.resample(None)):
            packets[1].extend(sounds.encode(piece))
        packets[1].extend(sounds.encode())
        mux_in_order(out, *change(*packets))
    return path


def mux_in_order(out: Any, *streams: Packets) -> None:
    """Write the packets of all streams to an open container, in the order of decoding."""

    def decoded_s(packet: Any) -> float:
        stamp = packet.dts if packet.dts is not None else packet.pts
        return float((stamp or 0) * packet.time_base)

    for packet in sorted((packet for stream in streams for packet in stream), key=decoded_s):
        out.mux(packet)


def spoilt(path: Path, number: int, first: float = 0.0) -> bytes:
    """The file's bytes with zeros for those of a video packet, from a share of it on; a transport stream loses it."""
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packet, place = [(bytes(one), one.pos or 0) for one in container.demux(video=0) if one.size][number]
        if container.format.name == "mpegts":
            return bytes(data[:place] + data[place + TS_BYTES :])
    place = data.index(packet, place)
    start = place + round(first * len(packet))
    data[start : place + len(packet)] = bytes(place + len(packet) - start)
    return bytes(data)


def everything(path: Path) -> tuple[dict[float, NDArray[np.uint8]], list[Lost]]:
    """Luma of each frame by its time, to a millisecond, and what is lost."""
    frames, lost = {}, []
    for piece in decode(path, audio_rate_hz=16_000):
        if isinstance(piece, Frame):
            frames[round(piece.time_s, 3)] = piece.luma().copy()
        elif isinstance(piece, Lost):
            lost.append(piece)
    return frames, lost
