"""Whether a generated clip collapsed: one flat colour, silence, clipped audio, or values that are no numbers.

Judged from the finished clip, by the measures that curation judges footage with. The limits are far from what any
footage that was accepted for training has, and none is a matter of taste: a clip that is only dull passes.
"""

import numpy as np
from numpy.typing import NDArray

from mova_core.measures import audio as audio_measures
from mova_core.measures import video as video_measures
from mova_core.sampling.inputs import Frames, Waveform

FLAT_SPREAD = 0.03 * 255  # between the brightest and the darkest part of a flat frame, in each colour
FLAT_FRAMES = 0.5  # of the clip: a fade to black at either end is shorter
SILENT = 0.98  # of the clip: a single short event takes more than the rest
CLIPPED = 0.1  # of the samples, twice what curation takes; a sine that just reaches full scale has 2.8 %


def collapse(frames: Frames | None, audio: Waveform | None, rate_hz: int) -> tuple[str, ...]:
    """What is wrong with a clip, each fault a short phrase with what was measured; empty for a clip as it should be.

    Args:
        frames: those that were generated; None where the video was given.
        audio: float32 [S] in -1..1; None where it was given.
        rate_hz: samples per second.
    """
    faults = []
    if frames is not None and (flat := flat_share(frames)) > FLAT_FRAMES:
        faults.append(f"the video is one flat colour in {flat:.0%} of its frames")
    if audio is None:
        return tuple(faults)
    if not np.isfinite(audio).all():
        return (*faults, "the audio has values that are no numbers")
    if (silent := audio_measures.silence_ratio(audio, rate_hz)) > SILENT:
        faults.append(f"the audio is silent for {silent:.0%} of its length")
    elif (clipped := peak_share(audio)) > CLIPPED:
        faults.append(f"the audio is clipped in {clipped:.0%} of its samples")
    return tuple(faults)


def flat_share(frames: Frames) -> float:
    """Share of frames that show nothing: no part of them differs by more than 3 % of full scale in any colour.

    Parts are the cells of `measures.video.cells`, about 24 along the shorter side, so noise of pixels does not count.
    Black bars above and below, or left and right, are looked past: training clips have them.
    """
    spreads = []
    for channel in range(3):
        grid = video_measures.cells(_without_bars(frames[..., channel]))
        spreads.append(grid.max(axis=(1, 2)) - grid.min(axis=(1, 2)))
    return float(np.mean(np.max(spreads, axis=0) <= FLAT_SPREAD))


def peak_share(audio: Waveform) -> float:
    """Share of samples at the audio's own peak (`measures.audio.clipped_share`), whatever its level: loudness may have
    been set after it was clipped."""
    peak = float(np.abs(audio).max(initial=0))
    return audio_measures.clipped_share(audio / np.float32(peak)) if peak > 0 else 0.0


def _without_bars(channel: NDArray[np.uint8]) -> NDArray[np.uint8]:
    inner = video_measures.without_bars(channel)
    bars = inner.shape[1] == channel.shape[1] or inner.shape[2] == channel.shape[2]
    return inner if bars else channel  # black all around is what is shown, on black
