"""When something happens in the video and in the audio of a clip of the synthetic world.

For measuring only: nothing here decides what is trained on. Times are seconds from the clip's start.
Video: peaks of the frame-to-frame rise of the floor strip's luminance; the event lies half a frame before the frame
that shows it. Audio: peaks of the rise of 10 ms RMS. Thresholds were set on synthetic footage (docs/curation.md).
"""

import numpy as np
from numpy.typing import NDArray

from mova_core.media.audio.onsets import RMS_WINDOW_S, Curve, audio_rise, peaks
from mova_core.synthetic.world import FLOOR, INTERVAL_S

LUMA = (0.2126, 0.7152, 0.0722)  # BT.709
FLASH_RISE = 0.14  # of full luminance, from one frame to the next
FLASH_GAP_FRAMES = 3
ONSET_RISE = 0.035  # of full scale, from one window to the next
ONSET_GAP_S = 0.12
EVENTS_PER_S = 2 / sum(INTERVAL_S)  # of the world: one a mean interval between impacts


def floor_rise(frames: NDArray[np.uint8]) -> Curve:
    """Rise of the floor's luminance (0..1) into each frame, at least 0; [F], the first is 0.

    Args:
        frames: uint8 [F, H, W, 3] RGB, the whole frame being the synthetic world.
    """
    floor = frames[:, round(FLOOR * frames.shape[1]) :].mean(axis=(1, 2)) @ np.asarray(LUMA) / 255
    return np.maximum(np.diff(floor, prepend=floor[:1]), 0)


def video_events(frames: NDArray[np.uint8], fps: float) -> list[float]:
    """Times of flashes, rising."""
    return [(index - 0.5) / fps for index in peaks(floor_rise(frames), FLASH_RISE, FLASH_GAP_FRAMES)]


def audio_onsets(audio: NDArray[np.float32], rate_hz: int) -> list[float]:
    """Times of onsets, rising."""
    gap = round(ONSET_GAP_S / RMS_WINDOW_S)
    return [index * RMS_WINDOW_S for index in peaks(audio_rise(audio, rate_hz), ONSET_RISE, gap)]
