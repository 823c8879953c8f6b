"""The scene of the shared files after public bug reports: made anew in any container, and measured in clips.

Ten seconds at 25 fps: four corners of known colours, a dark middle that turns white for three frames at known times,
and a beep that begins with each flash, over quiet noise. So every clip tells when it was filmed, whether its sound is
in its place, whether any of it is missing, and which way up it is.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from mova_core.geometry import ClipGeometry
from tests.mova_core.media.moving_film import Packets, mux_in_order

FPS, SECONDS, RATE_HZ, TONE_HZ = 25, 10, 48_000, 300
WIDTH_PX, HEIGHT_PX = 320, 240
FLASHES = (12, 36, 61, 83, 109, 131, 158, 181, 204, 229)
FLASH_FRAMES = 3
CORNERS = {"tl": (200, 40, 40), "tr": (40, 180, 40), "br": (235, 235, 235), "bl": (40, 40, 200)}
GRAY, MIDDLE, MARK, WHITE = (96, 96, 96), (16, 16, 16), (220, 180, 60), (250, 250, 250)

HOLE_DBFS, HOLE_S = -60.0, 0.005
QUIET_STEP = 0.05  # of RMS, from the noise to the beep
CORNER_ERROR = 25
"""Of 255; what the shared README allows."""


def picture(number: int) -> NDArray[np.uint8]:
    """Frame [240, 320, 3] of the scene."""
    image = np.full((HEIGHT_PX, WIDTH_PX, 3), GRAY, np.uint8)
    for corner, (rows, columns) in {
        "tl": (slice(0, 60), slice(0, 80)),
        "tr": (slice(0, 60), slice(240, 320)),
        "br": (slice(180, 240), slice(240, 320)),
        "bl": (slice(180, 240), slice(0, 80)),
    }.items():
        image[rows, columns] = CORNERS[corner]
    flashes = any(first <= number < first + FLASH_FRAMES for first in FLASHES)
    image[80:180, 100:220] = WHITE if flashes else MIDDLE
    image[10:60, 140:180] = MARK
    return image


def sound(seconds: float = SECONDS, rate_hz: int = RATE_HZ) -> NDArray[np.float32]:
    """Mono audio [S]: noise at -29 dBFS RMS, beeps of 60 ms at -13 dBFS."""
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    samples = np.random.default_rng(1).normal(0, 0.035, len(time_s))
    for first in FLASHES:
        beeps = (time_s >= first / FPS) & (time_s < first / FPS + 0.06)
        samples[beeps] += 0.31 * np.sin(2 * np.pi * TONE_HZ * (time_s[beeps] - first / FPS))
    return samples.astype(np.float32)


def write_scene(
    path: Path,
    container: str,
    *,
    video: str = "libx264",
    audio: str = "aac",
    video_options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    channels: Callable[[NDArray[np.float32]], NDArray[np.float32]] = lambda mono: mono[None],
    layout: str = "mono",
    change: Callable[[Packets, Packets], tuple[Packets, Packets]] = lambda images, sounds: (images, sounds),
) -> Path:
    """Encode the scene; `change` may alter, drop or stamp anew the packets (video, audio) before they are written.

    Args:
        channels: makes [C, S] of `layout` out of the mono audio.
    """
    with av.open(str(path), "w", format=container, container_options=container_options or {}) as out:
        images = out.add_stream(video, rate=FPS, options=video_options or {})
        images.width, images.height, images.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
        images.time_base = Fraction(1, FPS)
        sounds = out.add_stream(audio, rate=RATE_HZ, layout=layout)
        packets = change(list(_encoded_images(images)), list(_encoded_sounds(sounds, channels(sound()), layout)))
        mux_in_order(out, *packets)
    return path


def _encoded_images(stream: Any) -> Iterator[Any]:
    for number in range(SECONDS * FPS):
        frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
        frame.pts, frame.time_base = number, Fraction(1, FPS)
        yield from stream.encode(frame)
    yield from stream.encode()


def _encoded_sounds(stream: Any, samples: NDArray[np.float32], layout: str) -> Iterator[Any]:
    stream.codec_context.open()
    size = stream.codec_context.frame_size or 1024
    resampler = av.AudioResampler(format=stream.codec_context.format, layout=layout, rate=RATE_HZ)
    for first in range(0, samples.shape[1], size):
        piece = np.ascontiguousarray(samples[:, first : first + size])
        frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, first, Fraction(1, RATE_HZ)
        for converted in resampler.resample(frame):
            yield from stream.encode(converted)
    yield from stream.encode()


@dataclass(frozen=True, slots=True)
class Seen:
    """What a clip shows of the scene; times in seconds from the clip's start.

    Args:
        flashes_s: first output frame of each flash that begins in it.
        beeps_s: where each beep begins.
        corners: colours by corner, RGB.
        holes: stretches of silence in the noise.
    """

    flashes_s: tuple[float, ...]
    beeps_s: tuple[float, ...]
    corners: dict[str, tuple[int, ...]]
    holes: int


def seen(frames: NDArray[np.uint8], audio: NDArray[np.float32], geometry: ClipGeometry) -> Seen:
    """Measure a clip: frames uint8 [T, H, W, 3], audio float32 [S]."""
    _, height, width, _ = frames.shape
    middle = frames[:, height * 2 // 5 : height * 3 // 5, width * 2 // 5 : width * 3 // 5].mean(axis=(1, 2, 3))
    lit = middle > 128
    flashes = [k / geometry.fps for k in range(1, len(lit)) if lit[k] and not lit[k - 1]]
    beeps = tuple(_beeps(audio, geometry.audio_rate_hz))
    return Seen(tuple(flashes), beeps, _corners(frames[~lit]), _holes(audio, geometry))


def _corners(frames: NDArray[np.uint8]) -> dict[str, tuple[int, ...]]:
    still = np.median(frames, axis=0)
    shown = still.max(axis=2) > 40  # what is fitted into a square has bars
    still = still[shown.any(axis=1)][:, shown.any(axis=0)]
    height, width, _ = still.shape
    deep = max(2, height // 16)
    sides = {"t": slice(1, 1 + deep), "b": slice(height - 1 - deep, height - 1)}
    ends = {"l": slice(1, 1 + deep), "r": slice(width - 1 - deep, width - 1)}
    return {
        name: tuple(int(value) for value in np.median(still[sides[name[0]], ends[name[1]]], axis=(0, 1)))
        for name in CORNERS
    }


def _beeps(audio: NDArray[np.float32], rate_hz: int) -> Iterator[float]:
    """Where the RMS over 5 ms rises to the beep's and stays, to 5 ms."""
    size = round(0.005 * rate_hz)
    rms = np.sqrt(np.square(audio[: len(audio) // size * size].reshape(-1, size)).mean(axis=1))
    loud = rms > (np.median(rms) + rms.max()) / 2 if rms.max() > QUIET_STEP else np.zeros(len(rms), bool)
    last = -10.0
    for k in range(1, len(loud) - 4):
        if loud[k] and not loud[k - 1] and loud[k : k + 4].sum() >= 3 and (k * 0.005 - last) > 0.2:
            last = k * 0.005
            yield last


def _holes(audio: NDArray[np.float32], geometry: ClipGeometry) -> int:
    size = round(HOLE_S * geometry.audio_rate_hz)
    rms = np.sqrt(np.square(audio[: len(audio) // size * size].reshape(-1, size)).mean(axis=1))
    silent = rms < 10 ** (HOLE_DBFS / 20)
    return int(silent[0]) + int((silent[1:] & ~silent[:-1]).sum())
