"""Whether a clip's video, and its audio, is of the class of the synthetic world that its text asks for.

Video: the shape is the only colour, so the colour that stands out from the frames' median above the floor names the
class. Audio: each class has its own partials, so the levels at the known frequencies name it.
Both take the class whose direction is nearest (cosine), and none where even that is far, as for noise.
"""

import numpy as np
from numpy.typing import NDArray

from mova_core.evaluation.measuring.context import Context
from mova_core.evaluation.measuring.ratio_metric import Ratio
from mova_core.measures.clip import Clip, Unavailable
from mova_core.synthetic.world import FLOOR, KINDS

NEAREST_AT_LEAST = 0.8  # cosine; a flat spectrum reaches 0.58
COLOUR_AT_LEAST = 8.0  # of 255: mean colour, weighted by itself, below which frames are grey
PARTIAL_BAND_HZ = 100  # around a partial: short notes are that wide
SILENT_RMS = 1e-3  # of full scale: as in -60 dB
FREQUENCIES_HZ = sorted({hertz for kind in KINDS.values() for hertz, _ in kind.partials})


def video_class(video: Clip, audio: Clip, context: Context) -> Ratio | Unavailable:
    """1 where the video is of the class that the text of the other clip asks for (in a true pair: its own text)."""
    return _agrees(video.get(_video_class), audio.asked.label)


def audio_class(video: Clip, audio: Clip, context: Context) -> Ratio | Unavailable:
    """1 where the audio is of the class that the text of the other clip asks for (in a true pair: its own text)."""
    return _agrees(audio.get(_audio_class), video.asked.audio_label or video.asked.label)


def class_of_video(frames: NDArray[np.uint8]) -> str | None:
    """Class of the video, a key of `KINDS`; None if no class is near enough.

    Args:
        frames: uint8 [F, H, W, 3] RGB, the whole frame being the synthetic world.
    """
    above = frames[:, : round(FLOOR * frames.shape[1])].reshape(-1, 3).astype(np.float64)
    colour = _without_grey(above - np.median(above, axis=0))
    strength = np.linalg.norm(colour, axis=1, keepdims=True)
    if not strength.any():
        return None
    mean = (colour * strength).sum(axis=0) / strength.sum()  # what stands out counts, the background hardly
    if np.linalg.norm(mean) < COLOUR_AT_LEAST:
        return None
    return _nearest(mean, {name: _without_grey(np.array(kind.colour, np.float64)) for name, kind in KINDS.items()})


def class_of_audio(audio: NDArray[np.float32], rate_hz: int) -> str | None:
    """Class of the audio, a key of `KINDS`; None if no class is near enough."""
    if not audio.size or float(np.sqrt(np.mean(audio.astype(np.float64) ** 2))) < SILENT_RMS:
        return None
    power = np.abs(np.fft.rfft(audio.astype(np.float64))) ** 2
    hertz = np.fft.rfftfreq(audio.size, 1 / rate_hz)
    levels = np.array([np.sqrt(power[np.abs(hertz - at) <= PARTIAL_BAND_HZ].sum()) for at in FREQUENCIES_HZ])
    if not levels.any():
        return None
    known = {
        name: np.array([dict(kind.partials).get(at, 0.0) for at in FREQUENCIES_HZ]) for name, kind in KINDS.items()
    }
    return _nearest(levels, known)


def _agrees(found: str | None, asked: str | None) -> Ratio | Unavailable:
    return Unavailable("no class is asked for") if asked is None else (float(found == asked), 1.0)


def _video_class(clip: Clip) -> str | None:
    return class_of_video(clip.frames)


def _audio_class(clip: Clip) -> str | None:
    return class_of_audio(clip.audio, clip.rate_hz)


def _without_grey(colour: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(colour - colour.mean(axis=-1, keepdims=True), dtype=np.float64)


def _nearest(vector: NDArray[np.float64], known: dict[str, NDArray[np.float64]]) -> str | None:
    cosines = {
        name: float(vector @ other / (np.linalg.norm(vector) * np.linalg.norm(other))) for name, other in known.items()
    }
    best = max(cosines, key=lambda name: cosines[name])
    return best if cosines[best] >= NEAREST_AT_LEAST else None
