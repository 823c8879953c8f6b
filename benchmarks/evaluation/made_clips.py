"""Clips to measure: the synthetic world as mp4 files of the size of MOVA-360p, or small ones."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mova_core.media.encode import write_media
from mova_core.synthetic.world import KINDS, draw_take, render_audio, render_frames


@dataclass(frozen=True, slots=True)
class ClipSize:
    """Of every clip of a set.

    Args:
        side_px: height, a multiple of 48; the width is as much.
        frames: at `FPS`.
    """

    side_px: int
    frames: int


FPS, RATE_HZ = 24, 48_000
WHOLE = ClipSize(side_px=480, frames=193)  # about as many pixels as 640 x 352, and 8.04 s
SMALL = ClipSize(side_px=96, frames=49)


def make_clips(folder: Path, count: int, size: ClipSize) -> list[Path]:
    """So many different files, h264 with AAC."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number:04d}.mp4" for number in range(count)]
    for number, path in enumerate(paths):
        kind = list(KINDS)[number % len(KINDS)]
        take = draw_take(np.random.default_rng(number), kind, size.frames / FPS)
        frames = render_frames(take, FPS, size.frames, size.side_px)
        audio = render_audio(take, RATE_HZ, size.frames * RATE_HZ // FPS)
        write_media(path, frames, FPS, audio, RATE_HZ, audio_codec="aac", crf=18)
    return paths
