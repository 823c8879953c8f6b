"""One file of synthetic footage: what is in it, drawn from (seed, number), and how it is written.

A file is a row of scenes: takes of the bouncing world with hard cuts between, black leaders where noise would hide a
cut (some of them long), and at times a still card that hums; curation has to drop the leaders and the card.
Every scene starts on a step of the clock on which the world's audio repeats, and on which the container can say so.
"""

import colorsys
import json
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mova_core.media.encode import write_media
from mova_core.storage.atomic import atomic_path, write_bytes, write_text
from mova_core.synthetic.formats import FORMATS, LAYOUTS, Format, Layout
from mova_core.synthetic.world import KINDS, NOISE_SD, Take, draw_take, render_audio, render_frames

TAKES = (2, 4)
TAKE_SPARE_S = 0.15  # a take outlasts its windows by this much, so that a cut found a frame late costs none
LEADER_S = 1.0
LONG_INTERVAL_S = (2.3, 4.0)  # room for a window that has to be dropped
LONG_LEADER_SHARE = 0.2  # of leaders
CARD_SHARE = 0.25  # of files
CUT_NOISE_SD = 10.0  # between takes whose mean noise is above this a hard cut may not be told from the noise
HUM = (400, 0.1)  # Hz, level
LEADER_RGB = 6
HUES_DRAWN, OWN_HUE = 12, 0.15
BACKGROUND_LUMAS = (42.0, 64.0)  # in turn; dark, yet no letterbox bar


@dataclass(frozen=True, slots=True)
class Leader:
    """Black and silent."""


@dataclass(frozen=True, slots=True)
class Card:
    """The first frame of a take, standing still over a hum."""

    take: Take


@dataclass(frozen=True, slots=True)
class Scene:
    """What is shown over a part of the file, in frames of the file."""

    shown: Take | Leader | Card
    start: int
    frames: int


@dataclass(frozen=True, slots=True)
class FilePlan:
    """Everything that decides a file's bytes."""

    name: str
    format: Format
    layout: Layout
    fps: Fraction
    audio_rate_hz: int
    channels: int
    scenes: tuple[Scene, ...]
    seed: int

    @property
    def frames(self) -> int:
        return self.scenes[-1].start + self.scenes[-1].frames

    @property
    def length_s(self) -> float:
        return float(self.frames / self.fps)

    @property
    def events_s(self) -> list[float]:
        """True times of all impacts, on the file's timeline."""
        return [
            round(float(scene.start / self.fps) + time, 6)
            for scene in self.scenes
            if isinstance(scene.shown, Take)
            for time in scene.shown.events_s
        ]

    @property
    def sidecar(self) -> dict[str, object]:
        """What the file's maker may tell: rights and which class is seen when, never the events."""
        scenes = [
            {
                "start_s": round(float(scene.start / self.fps), 6),
                "end_s": round(float((scene.start + scene.frames) / self.fps), 6),
                "class": scene.shown.kind,
            }
            for scene in self.scenes
            if isinstance(scene.shown, Take)
        ]
        return {
            "rights": "made by this project, free for any use",
            "origin": f"mova make-footage, seed {self.seed}",
            "consent": "not needed: no person appears in it",
            "scenes": scenes,
        }


def plan_file(number: int, seed: int, windows: int, window: Fraction) -> FilePlan:
    """Draw what file `number` holds.

    Args:
        number: counts from 0; formats and frame rates take turns.
        seed: of the whole folder.
        windows: how many windows its takes have room for, at least 1.
        window: length of one, in seconds.
    """
    rng = np.random.default_rng([seed, number])
    form = FORMATS[number % len(FORMATS)]
    fps = form.frame_rates[number // len(FORMATS) % len(form.frame_rates)]
    unit = (1 / (fps * form.step)).denominator  # fewest frames that last a whole number of steps
    count = min(int(rng.integers(TAKES[0], TAKES[1] + 1)), windows)
    shares = 1 + rng.multinomial(windows - count, [1 / count] * count)

    def frames_for(seconds: float | Fraction) -> int:
        return ceil(seconds * fps / unit) * unit

    lengths = [frames_for(int(share) * window + Fraction(TAKE_SPARE_S)) for share in shares]
    takes = _draw_takes(rng, [float(length / fps) for length in lengths])
    row: list[tuple[Take | Leader | Card, int]] = []
    for index, (take, length) in enumerate(zip(takes, lengths, strict=True)):
        if index and _mean_noise_sd(takes[index - 1], take) > CUT_NOISE_SD:
            row.append((Leader(), frames_for(_leader_s(rng))))
        row.append((take, length))
    if rng.uniform() < CARD_SHARE:
        row.append((Leader(), frames_for(_leader_s(rng))))
        row.append((Card(_draw_takes(rng, [1.0])[0]), frames_for(rng.uniform(*LONG_INTERVAL_S))))
    starts = np.cumsum([0, *(length for _, length in row)])
    rate_hz, channels = form.audio[int(rng.integers(len(form.audio)))]
    return FilePlan(
        name=f"bouncing-{number:04d}.{form.suffix}",
        format=form,
        layout=LAYOUTS[int(rng.integers(len(LAYOUTS)))],
        fps=fps,
        audio_rate_hz=rate_hz,
        channels=channels,
        scenes=tuple(Scene(shown, int(start), length) for (shown, length), start in zip(row, starts, strict=False)),
        seed=seed,
    )


def write_file(plan: FilePlan, path: Path) -> None:
    """Write the file and its sidecar, each atomically."""
    form = plan.format
    with atomic_path(path) as temporary:
        write_media(
            temporary,
            _frames(plan),
            plan.fps,
            _audio(plan),
            plan.audio_rate_hz,
            container=form.container,
            video_codec=form.video_codec,
            audio_codec=form.audio_codec,
            crf=form.crf,
            video_options=form.video_options,
            audio_options=form.audio_options,
        )
    write_text(path.with_name(f"{path.name}.json"), json.dumps(plan.sidecar, indent=1) + "\n")


BROKEN_FILES = ("broken-no-index.mp4", "broken-no-audio.mp4", "broken-text.mp4")


def write_broken_file(path: Path) -> None:
    """Write one of `BROKEN_FILES`: an mp4 cut off before its index, one without audio, or a text called mp4."""
    if path.name == "broken-text.mp4":
        write_text(path, "This is a text, whatever its name says.\n" * 100)
        return
    take = draw_take(np.random.default_rng(0), "red-ball", 3.0)
    audio = None if path.name == "broken-no-audio.mp4" else render_audio(take, 48_000, 144_000)
    with atomic_path(path) as temporary:
        write_media(temporary, render_frames(take, 24, 72, 96), 24, audio, 48_000, audio_codec="aac")
        whole = temporary.read_bytes()
    if path.name == "broken-no-index.mp4":
        write_bytes(path, whole[: len(whole) // 2])  # FFmpeg writes the index (moov) last


def _leader_s(rng: np.random.Generator) -> float:
    return float(rng.uniform(*LONG_INTERVAL_S)) if rng.uniform() < LONG_LEADER_SHARE else LEADER_S


def _draw_takes(rng: np.random.Generator, lengths_s: list[float]) -> list[Take]:
    """Takes of different classes, on backgrounds far from each other's."""
    kinds = rng.permutation(list(KINDS))
    takes: list[Take] = []
    hue: float | None = None
    for index, (kind, length_s) in enumerate(zip(kinds, lengths_s, strict=False)):
        hue = _draw_hue(rng, str(kind), hue)
        red, green, blue = colorsys.hsv_to_rgb(hue, rng.uniform(0.55, 0.75), 1.0)
        scale = BACKGROUND_LUMAS[index % 2] / (0.2126 * red + 0.7152 * green + 0.0722 * blue)
        takes.append(draw_take(rng, str(kind), length_s, (red * scale, green * scale, blue * scale)))
    return takes


def _draw_hue(rng: np.random.Generator, kind: str, before: float | None) -> float:
    """A hue in 0..1: of some that do not come near the shape's own, the one furthest from the background before."""
    red, green, blue = (value / 255 for value in KINDS[kind].colour)
    own = colorsys.rgb_to_hsv(red, green, blue)[0]
    hues = [hue for hue in rng.uniform(size=HUES_DRAWN) if _turn(hue, own) > OWN_HUE]
    return float(hues[0] if before is None else max(hues, key=lambda hue: abs(hue - before)))


def _turn(first: float, second: float) -> float:
    """Distance of two hues around the circle, 0 to 0.5."""
    return abs((first - second + 0.5) % 1 - 0.5)


def _mean_noise_sd(first: Take, second: Take) -> float:
    return NOISE_SD * (1 - (first.quality + second.quality) / 2)


def _frames(plan: FilePlan) -> Iterator[NDArray[np.uint8]]:
    layout = plan.layout
    top, left = (layout.height_px - layout.side_px) // 2, (layout.width_px - layout.side_px) // 2
    for scene in plan.scenes:
        for world in _world_frames(scene, plan.fps, layout.side_px):
            image = np.zeros((layout.height_px, layout.width_px, 3), np.uint8)
            image[top : top + layout.side_px, left : left + layout.side_px] = world
            yield image


def _world_frames(scene: Scene, fps: Fraction, side_px: int) -> Iterator[NDArray[np.uint8]]:
    if isinstance(scene.shown, Take):
        yield from render_frames(scene.shown, fps, scene.frames, side_px)
        return
    still = np.full((side_px, side_px, 3), LEADER_RGB, np.uint8)
    if isinstance(scene.shown, Card):
        still = next(render_frames(scene.shown.take, fps, 1, side_px))
    for _ in range(scene.frames):
        yield still


def _audio(plan: FilePlan) -> NDArray[np.float32]:
    """Audio of the whole file, float32 [channels, S], or [S] if mono; a take is panned to the side it is seen on."""
    rate = plan.audio_rate_hz
    audio = np.zeros((plan.channels, round(plan.frames / plan.fps * rate)), np.float32)
    for scene in plan.scenes:
        start, end = (round(frame / plan.fps * rate) for frame in (scene.start, scene.start + scene.frames))
        if isinstance(scene.shown, Take):
            pan = scene.shown.centre_x - 0.5
            gains = np.array([[1 - pan], [1 + pan]] if plan.channels == 2 else [[1.0]], np.float32)
            audio[:, start:end] = gains * render_audio(scene.shown, rate, end - start)
        elif isinstance(scene.shown, Card):
            hertz, level = HUM
            audio[:, start:end] = level * np.sin(2 * np.pi * hertz / rate * np.arange(end - start))
    return audio[0] if plan.channels == 1 else audio
