"""Curation as it is usually put together: a tool of its own for each question, a pass over the file for each tool.

ffprobe says what a file holds, ffmpeg's cropdetect finds the letterbox, PySceneDetect the shot boundaries of all files
in one process, Silero the speech on audio that ffmpeg extracts, and ffmpeg encodes each window by itself. One thread
each, every tool in its documented form.
"""

import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.spent import Spent, spent_by_all
from mova_core.geometry import Canvas, ClipGeometry
from mova_core.media.clip_file import ClipCoding

NEEDED = ("ffmpeg", "ffprobe")
SILERO = Path(__file__).with_name("silero_alone.py")
SCENEDETECT = Path(__file__).with_name("scenedetect_alone.py")
ONE_THREAD = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    "OPENCV_FFMPEG_THREADS": "1",
}
FFMPEG = ("ffmpeg", "-nostdin", "-v", "error", "-y", "-threads", "1", "-filter_threads", "1")

Command = list[str | Path]
Looked = Mapping[str, list[Command]]


@dataclass(frozen=True, slots=True)
class WindowToCut:
    """One clip to be made.

    Args:
        path: its source.
        start_s: where the window begins.
        width_px: of the clip.
        height_px: of the clip.
        crop: the part of the coded frame that is kept, as ffmpeg's crop filter takes it.
    """

    path: Path
    start_s: float
    width_px: int
    height_px: int
    crop: str


def why_not() -> str | None:
    """A sentence when the tools are not here."""
    absent = [name for name in NEEDED if shutil.which(name) is None]
    if not absent:
        return None
    return f"{' and '.join(absent)} not found, so curation is not measured against separate tools: apt install ffmpeg"


def looking(paths: Sequence[Path], folder: Path) -> Looked:
    """The commands that find out about these files, by step; `folder` takes what they write."""
    audios = [folder / f"{number}.wav" for number in range(len(paths))]
    speech: list[Command] = [
        [*FFMPEG, "-i", path, "-vn", "-ac", "1", "-ar", "16000", audio]
        for path, audio in zip(paths, audios, strict=True)
    ]
    return {
        "probe": [["ffprobe", "-v", "error", "-show_format", "-show_streams", "-of", "json", path] for path in paths],
        "letterbox": [[*FFMPEG, "-i", path, "-an", "-vf", "cropdetect=limit=30", "-f", "null", "-"] for path in paths],
        "shots": [[sys.executable, SCENEDETECT, *paths]],
        "speech": [*speech, [sys.executable, SILERO, *audios]],
    }


def cutting(windows: Sequence[WindowToCut], geometry: ClipGeometry, crf: int, folder: Path) -> list[Command]:
    """A command a window: the codec, preset, quality, size, frames and samples of our clips."""
    coding = ClipCoding("libx264", crf)
    return [
        [
            *FFMPEG,
            *("-ss", f"{window.start_s:.6f}", "-i", window.path, "-t", f"{geometry.duration_s:.6f}"),
            *("-vf", _crop_and_pad(window, geometry)),
            *("-c:v", "libx264", *_options(coding, window), "-pix_fmt", "yuv420p", "-threads", "1"),
            *("-frames:v", str(geometry.frames)),
            *("-c:a", "flac", "-ac", "1", "-ar", str(geometry.audio_rate_hz), "-strict", "-2"),
            folder / f"{number}.mp4",
        ]
        for number, window in enumerate(windows)
    ]


def spent_looking(paths: Sequence[Path], folder: Path) -> dict[str, Spent]:
    """What each step of finding out costs."""
    return {step: spent_by_all(commands, ONE_THREAD) for step, commands in looking(paths, folder).items()}


def spent_cutting(windows: Sequence[WindowToCut], geometry: ClipGeometry, crf: int, folder: Path) -> Spent:
    """What the clips cost.

    Raises:
        RuntimeError: a tool failed, or left fewer clips than windows.
    """
    total = spent_by_all(cutting(windows, geometry, crf, folder), ONE_THREAD)
    made = len(list(folder.glob("*.mp4")))
    if made != len(windows):
        raise RuntimeError(f"ffmpeg left {made} clips of {len(windows)} windows in {folder}")
    return total


def _options(coding: ClipCoding, window: WindowToCut) -> list[str]:
    options = coding.options(Canvas(window.height_px, window.width_px))
    return [part for name, value in options.items() for part in (f"-{name}", value)]


def _crop_and_pad(window: WindowToCut, geometry: ClipGeometry) -> str:
    size = f"{window.width_px}:{window.height_px}"
    return (
        f"crop={window.crop},scale={size}:force_original_aspect_ratio=decrease:force_divisible_by=2,"
        f"pad={size}:(ow-iw)/2:(oh-ih)/2,setsar=1,fps={geometry.fps}"
    )
