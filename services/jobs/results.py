"""What a finished clip can be had as: the clip itself, a thumbnail, a sheet of its frames, its audio."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mova_core.media.image import fit_image
from mova_core.places import SERVED_CLIPS
from mova_core.sampling.clip_file import write_audio
from mova_core.storage.atomic import atomic_path
from services.settings import ServiceSettings

VariantName = Literal["video", "thumbnail", "spritesheet", "audio"]

SHEET_COLUMNS, SHEET_ROWS = 5, 5  # frames, evenly spaced from first to last
SHEET_FRAME_WIDTH_PX = 192
JPEG_QUALITY, WEBP_QUALITY = 85, 85


@dataclass(frozen=True, slots=True)
class Variant:
    """A form of a clip.

    Args:
        suffix: of its file.
        media_type: of the answer.
    """

    suffix: str
    media_type: str


VARIANTS: dict[VariantName, Variant] = {
    "video": Variant(".mp4", "video/mp4"),
    "thumbnail": Variant(".webp", "image/webp"),
    "spritesheet": Variant(".jpg", "image/jpeg"),
    "audio": Variant(".wav", "audio/wav"),
}


def result_path(job_id: str, variant: VariantName = "video") -> str:
    """Where a form of a job's clip is kept, from the project's folder."""
    return (SERVED_CLIPS / f"{job_id}{VARIANTS[variant].suffix}").as_posix()


def result_files(settings: ServiceSettings, job_id: str) -> list[Path]:
    """Every file that a job's clip can have."""
    return [settings.root / result_path(job_id, variant) for variant in VARIANTS]


def write_variants(
    clip: Path, video: NDArray[np.uint8] | None, audio: NDArray[np.float32] | None, rate_hz: int
) -> None:
    """Write the other forms of a clip beside it: those of its video if it has one, and of its audio likewise.

    Args:
        clip: its file.
        video: uint8 [F, H, W, 3].
        audio: float32 [S] in -1..1.
        rate_hz: samples per second.
    """
    if video is not None:
        with atomic_path(clip.with_suffix(VARIANTS["thumbnail"].suffix)) as temporary:
            Image.fromarray(video[len(video) // 2]).save(temporary, "WEBP", quality=WEBP_QUALITY)
        with atomic_path(clip.with_suffix(VARIANTS["spritesheet"].suffix)) as temporary:
            Image.fromarray(spritesheet(video)).save(temporary, "JPEG", quality=JPEG_QUALITY)
    if audio is not None:
        with atomic_path(clip.with_suffix(VARIANTS["audio"].suffix)) as temporary:
            write_audio(temporary, audio, rate_hz)


def spritesheet(video: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Frames of a clip side by side, row by row: uint8 [rows * h, columns * w, 3]."""
    numbers = np.linspace(0, len(video) - 1, SHEET_COLUMNS * SHEET_ROWS).round().astype(int)
    height, width = video.shape[1:3]
    small_height = max(1, round(height * SHEET_FRAME_WIDTH_PX / width))
    frames = [fit_image(video[number], small_height, SHEET_FRAME_WIDTH_PX) for number in numbers]
    rows = [np.concatenate(frames[start : start + SHEET_COLUMNS], 1) for start in range(0, len(frames), SHEET_COLUMNS)]
    return np.concatenate(rows, 0)
