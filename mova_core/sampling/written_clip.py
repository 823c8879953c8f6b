"""A generated clip's file with its provenance, as commands and services write it: the same request, the same bytes."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mova_core.geometry import ClipGeometry
from mova_core.media.provenance import Provenance, write_provenance
from mova_core.sampling.clip_file import Loudness, write_clip
from mova_core.sampling.settings import GenerateSettings
from mova_core.storage.atomic import atomic_path

TOLD_FROM_LU = 0.5  # a loudness that misses its target by more is told


def write_generated(
    path: Path,
    video: NDArray[np.uint8] | None,
    audio: NDArray[np.float32] | None,
    geometry: ClipGeometry,
    settings: GenerateSettings,
    provenance: Provenance,
) -> Loudness | None:
    """Write one clip, whole or not there.

    Args:
        path: where to.
        video: uint8 [F, H, W, 3]; None for audio alone.
        audio: float32 [S] in -1..1; None for video alone.
        geometry: frame and sample rate.
        settings: how the file is coded, and the true peak of its audio.
        provenance: what it was made from.

    Returns:
        How loud it is, where a loudness was asked for.
    """
    with atomic_path(path) as temporary:
        loudness = write_clip(
            temporary, video, audio, geometry, settings.enlarge, settings.output_format, settings.highest_dbtp
        )
        write_provenance(temporary, provenance)
    return loudness


def loudness_warning(name: str, loudness: Loudness | None, settings: GenerateSettings) -> str | None:
    """One sentence where a clip is not as loud as asked for, and why."""
    target = settings.target_lufs
    if loudness is None or target is None:
        return None
    if loudness.lufs is None:
        return f"{name} has no loudness (silent, or under 0.4 s), so target_lufs {target:g} changed nothing"
    if abs(loudness.lufs - target) <= TOLD_FROM_LU:
        return None
    return (
        f"{name} is at {loudness.lufs:.1f} LUFS, not at {target:g}: its true peak of {settings.true_peak_dbtp:g} dBTP "
        "allows no more"
    )
