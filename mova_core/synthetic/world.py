"""A small world whose video and audio share their moments: a shape bounces, the floor flashes, a note starts.

Lengths are shares of the frame's side (x to the right, y down), times are seconds on the take's own clock.
Between two impacts an interval I apart the shape flies a parabola of height g I^2 / 8. At an impact it is squashed, the
floor strip flashes white and fades, and the class's note starts at exactly that moment. Which class it is says nothing
about when. Quality q in 0..1 is grey pixel noise of sd 30 (1 - q) of 255, drawn on a 48 x 48 grid and enlarged with
the frame, so that a 48 px clip still has it.

The partials' phase follows the clock, not the impact, and their frequencies are multiples of 400 Hz: every window that
starts on a 2.5 ms step of the clock (33 frames at 16 fps are 825 of them) hears the same waveform under its envelope.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from mova_core.errors import ShapeError

GRID_PX = 48  # frames are whole multiples of this
PHASE_PERIOD = Fraction(1, 400)  # seconds: every partial repeats after it
WHOLE_TURNS_PER_S = 50  # whole turns of every partial, in whole samples at 16, 44.1 and 48 kHz
INTERVAL_S = (0.38, 0.90)  # between impacts, drawn uniformly
GRAVITY = 8 * 0.46 / INTERVAL_S[1] ** 2  # sides per s^2: the longest flight rises 0.46 of the side
FLOOR = 5 / 6  # y of the floor's top edge
FLOOR_GREY = 70.0  # between flashes; without colour, so that a flash changes brightness alone and looks like no cut
RADIUS = 0.17
SQUASH, SQUASH_S = 0.35, 0.05  # share of the height lost at impact, and its decay
FLASH_S = 0.10  # decay of the floor's flash
NOISE_SD = 30.0  # of 255, at quality 0
CHUNK_FRAMES = 32  # rendered at once: small enough for the processor's cache


@dataclass(frozen=True, slots=True)
class Kind:
    """One class of the world.

    Args:
        outline: `ball`, `box`, `diamond` or `ring`.
        colour: RGB 0..255.
        reach: lowest point of the outline in radii below its centre.
        partials: (frequency in Hz, amplitude) of the note.
        decay_s: time in which the note falls to 1/e.
    """

    outline: str
    colour: tuple[int, int, int]
    reach: float
    partials: tuple[tuple[int, float], ...]
    decay_s: float


KINDS: dict[str, Kind] = {
    "red-ball": Kind("ball", (235, 55, 45), 1.0, ((800, 0.40), (2000, 0.20)), 0.045),  # wood
    "green-box": Kind("box", (60, 215, 85), 0.88, ((1200, 0.26), (2800, 0.16), (4400, 0.10)), 0.250),  # bell
    "blue-diamond": Kind("diamond", (70, 130, 255), 1.08, ((400, 0.50), (800, 0.10)), 0.120),  # drum
    "yellow-ring": Kind("ring", (255, 220, 50), 1.0, ((1600, 0.26), (2400, 0.16), (3200, 0.12)), 0.090),  # synth
}


@dataclass(frozen=True, slots=True)
class Take:
    """One uncut interval of the world.

    Args:
        kind: key of `KINDS`.
        impacts_s: rising times of all impacts; the first before 0, the last after the end.
        length_s: how long it lasts.
        centre_x: where the shape bounces, share of the side.
        background: RGB 0..255.
        quality: 0 (noisy) to 1 (clean).
        noise_seed: of the pixel noise.
    """

    kind: str
    impacts_s: tuple[float, ...]
    length_s: float
    centre_x: float
    background: tuple[float, float, float]
    quality: float
    noise_seed: int

    @property
    def events_s(self) -> list[float]:
        """Impacts that happen inside the take."""
        return [time for time in self.impacts_s if 0 <= time < self.length_s]


def draw_take(
    rng: np.random.Generator, kind: str, length_s: float, background: tuple[float, float, float] = (52, 50, 58)
) -> Take:
    """A take of this class with random impacts, place and quality."""
    first = -rng.uniform(*INTERVAL_S) * rng.uniform()  # the take starts anywhere in a flight
    intervals = rng.uniform(*INTERVAL_S, size=int(length_s / INTERVAL_S[0]) + 4)
    impacts = first + np.concatenate([[0.0], np.cumsum(intervals)])
    last = int(np.searchsorted(impacts, length_s)) + 1
    return Take(
        kind,
        tuple(float(time) for time in impacts[:last]),
        length_s,
        centre_x=float(rng.uniform(0.36, 0.64)),
        background=background,
        quality=float(rng.uniform()),
        noise_seed=int(rng.integers(2**32)),
    )


def render_frames(take: Take, fps: Fraction | int, count: int, side_px: int) -> Iterator[NDArray[np.uint8]]:
    """The take's frames, uint8 [side, side, 3] RGB; frame k shows the moment k / fps.

    Args:
        side_px: a multiple of 48.

    Raises:
        ShapeError: it is not.
    """
    if side_px % GRID_PX:
        raise ShapeError(f"the world's side is {side_px} px, expected a multiple of {GRID_PX}")
    noise = np.random.default_rng(take.noise_seed)
    for start in range(0, count, CHUNK_FRAMES):
        times = np.arange(start, min(start + CHUNK_FRAMES, count)) / float(fps)
        yield from _paint(take, times, side_px, noise)


def render_audio(take: Take, rate_hz: int, samples: int) -> NDArray[np.float32]:
    """The take's audio, float32 [samples]; sample i is the moment i / rate.

    Raises:
        ShapeError: the rate is not a multiple of 50 Hz.
    """
    if rate_hz % WHOLE_TURNS_PER_S:
        raise ShapeError(f"the audio's rate is {rate_hz} Hz, expected a multiple of {WHOLE_TURNS_PER_S}")
    kind = KINDS[take.kind]
    since, index = _since_impact(take, np.arange(samples) / rate_hz)
    # Notes overlap, and all fade alike: what is left at one impact adds to the next, one exponential serves all.
    heights = [1.0]
    for interval in np.diff(take.impacts_s):
        heights.append(1.0 + heights[-1] * float(np.exp(-interval / kind.decay_s)))
    envelope = np.asarray(heights, np.float32)[index] * np.exp((-since / kind.decay_s).astype(np.float32))
    turn = np.arange(rate_hz // WHOLE_TURNS_PER_S) / rate_hz
    carrier = sum(height * np.sin(2 * np.pi * hertz * turn) for hertz, height in kind.partials)
    return envelope * np.resize(carrier, samples).astype(np.float32)


def _since_impact(take: Take, times: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Seconds since the last impact, and its index."""
    impacts = np.asarray(take.impacts_s)
    index = np.searchsorted(impacts, times, side="right") - 1
    return times - impacts[index], index


def _paint(take: Take, times: NDArray[np.float64], side_px: int, noise: np.random.Generator) -> NDArray[np.uint8]:
    """Frames of some moments, uint8 [F, side, side, 3]."""
    kind = KINDS[take.kind]
    since, index = _since_impact(take, times)
    interval = np.diff(take.impacts_s)[index]
    height = GRAVITY / 2 * since * (interval - since)
    squash = SQUASH * np.exp(-since / SQUASH_S)

    background = np.asarray(take.background, np.float32)
    images = np.empty((len(times), side_px, side_px, 3), np.int16)
    images[:] = np.rint(background)
    flash = np.exp(-since / FLASH_S)[:, None]
    floor = FLOOR_GREY * (1 - flash) + 255 * flash
    images[:, round(FLOOR * side_px) :] = np.rint(floor)[:, None, None]

    half_height = RADIUS * (1 - squash)
    half_width = RADIUS * (1 + squash / 2)
    centre_y = FLOOR - height - kind.reach * half_height
    widest = RADIUS * (1 + SQUASH / 2) * 1.15
    left, right = int((take.centre_x - widest) * side_px), int((take.centre_x + widest) * side_px) + 2
    bottom = round(FLOOR * side_px)
    x = ((np.arange(left, right) + 0.5) / side_px - take.centre_x)[None, None, :] / half_width[:, None, None]
    y = ((np.arange(bottom) + 0.5) / side_px - centre_y[:, None])[:, :, None] / half_height[:, None, None]
    outside = _outside(kind.outline, x.astype(np.float32), y.astype(np.float32))
    cover = np.clip(0.5 - outside * np.float32(RADIUS * side_px), 0, 1)[..., None]  # edges fade over one pixel
    images[:, :bottom, left:right] = np.rint(background + cover * (np.asarray(kind.colour, np.float32) - background))

    _add_noise(images, NOISE_SD * (1 - take.quality), noise)
    return images.clip(0, 255, out=images).astype(np.uint8)


def _outside(outline: str, x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far a point lies outside the outline, in radii; negative inside. x and y in radii from the centre."""
    if outline == "box":
        return np.maximum(np.abs(x), np.abs(y)) - np.float32(0.88)
    if outline == "diamond":
        return (np.abs(x) + np.abs(y) - np.float32(1.08)) * np.float32(0.7071)
    distance = np.sqrt(x * x + y * y)
    return distance - 1 if outline == "ball" else np.abs(distance - np.float32(0.73)) - np.float32(0.27)


def _add_noise(images: NDArray[np.int16], sd: float, noise: np.random.Generator) -> None:
    frames, side_px = images.shape[:2]
    scale = side_px // GRID_PX
    grain = np.rint(noise.standard_normal((frames, GRID_PX, GRID_PX), np.float32) * np.float32(sd)).astype(np.int16)
    rows = np.repeat(grain, scale * 3, axis=2)  # each value for `scale` pixels of 3 channels
    images.reshape(frames, GRID_PX, scale, side_px * 3)[...] += rows[:, :, None]
