"""How many voices speak in a clip: the speakers that pyannote.audio's segmentation network tells apart.

The network sees up to 10 s at a time, more than a clip, so that one pass names the voices of the whole clip: no
embeddings, no clustering (`speech/segmentation_network.py`).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mova_core.measures.clip import Clip, Measures, Unavailable
from mova_core.speech.audio import SPEECH_RATE_HZ, speech_audio
from mova_core.speech.segmentation_network import (
    MOST_VOICES,
    WINDOW_S,
    check_segmentation,
    segmentation_network,
)

KEY = "params weights.pyannote"
LEAST_VOICE_S = 0.25  # in all; less is a breath or a laugh


def check(path: Path) -> None:
    """Whether a file holds weights of such a network, by its header alone.

    Raises:
        UsageError: it does not.
    """
    check_segmentation(path, KEY)


def load(path: Path) -> Callable[[Clip], Measures]:
    """What counts the voices of a clip, by weights that were checked."""
    import torch

    network = segmentation_network(path)

    def measure(clip: Clip) -> Measures:
        if len(clip.audio) < LEAST_VOICE_S * clip.rate_hz:
            return {"voices": Unavailable(f"its audio lasts less than {LEAST_VOICE_S:g} s")}
        if len(clip.audio) > WINDOW_S * clip.rate_hz:
            return {"voices": Unavailable(f"it lasts over {WINDOW_S:g} s, more than the network sees at a time")}
        audio = speech_audio(clip.audio, clip.rate_hz)
        with torch.inference_mode():
            classes = network(torch.from_numpy(audio)[None, None]).argmax(dim=-1)[0]
        speaks = _speaks(classes.numpy())
        seconds = speaks.sum(axis=0) * len(audio) / SPEECH_RATE_HZ / len(speaks)
        return {"voices": float((seconds >= LEAST_VOICE_S).sum())}

    return measure


def _speaks(classes: Any) -> Any:
    """Which voices speak in each frame, bool [F, 3], from powerset classes in their order: by size, then by voice."""
    sets = [(), *((one,) for one in range(MOST_VOICES))]
    sets += [(one, other) for one in range(MOST_VOICES) for other in range(one + 1, MOST_VOICES)]
    table = np.array([[voice in each for voice in range(MOST_VOICES)] for each in sets])
    return table[classes]
