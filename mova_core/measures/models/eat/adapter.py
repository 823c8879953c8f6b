"""EAT by the user's weights: probabilities of AudioSet's classes in a clip's audio, of speech and singing above all.

Preprocessing is the published one: 16 kHz mono without its mean, Kaldi filter banks of 128 bands, 1024 frames (10.26 s)
filled with zeros, then (value + 4.268) / (2 * 4.569). The published code sees the first 1024 frames alone; longer audio
is seen here in such windows back to back, and probabilities are averaged with the windows' lengths as weights.
Sources: `network.py`; cwx-worst-one/EAT, inference/inference.py and labels.csv.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mova_core.measures.clip import Clip, Measures, Unavailable
from mova_core.measures.kaldi_fbank import kaldi_fbank
from mova_core.measures.models.audio_input import model_audio, windows
from mova_core.measures.models.weights_file import Published, check_weights, file_shapes, load_network

if TYPE_CHECKING:
    from mova_core.measures.models.eat.network import Eat

RATE_HZ = 16_000
FRAMES, BANDS = 1024, 128
FRAME_SAMPLES, HOP = 400, 160
WINDOW = FRAME_SAMPLES + (FRAMES - 1) * HOP
MEAN, STD = -4.268, 4.569
COLUMNS = {"eat_speech": 0, "eat_singing": 27}  # classes Speech and Singing of AudioSet
PUBLISHED = Published("eat", "model.safetensors of an EAT that was fine-tuned on AudioSet (worstchan/EAT-…_AS2M)")


def check(path: Path) -> None:
    """Whether a file holds weights of a fine-tuned EAT, by its header alone.

    Raises:
        UsageError: it does not.
    """
    check_weights(path, lambda: _network(path), PUBLISHED)
    classes = file_shapes(path, PUBLISHED)["model.head.bias"][0]
    if classes <= max(COLUMNS.values()):
        raise PUBLISHED.refuse(path, f"tells {classes} classes apart, not the 527 of AudioSet")


def load(path: Path) -> "EatTagger":
    """The network with weights that were checked."""
    return EatTagger(load_network(path, lambda: _network(path)))


def _network(path: Path) -> "Eat":
    from mova_core.measures.models.eat.network import Eat, EatSizes

    return Eat(EatSizes.of(file_shapes(path, PUBLISHED)))


def filter_banks(window: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the network sees of one window of 16 kHz audio, float32 [1024, 128]."""
    fbank = kaldi_fbank(window - window.mean(), RATE_HZ, BANDS)
    padded = np.pad(fbank, ((0, FRAMES - len(fbank)), (0, 0)))
    return (padded - np.float32(MEAN)) / np.float32(2 * STD)


class EatTagger:
    """The model on one thread, without gradients."""

    def __init__(self, network: "Eat") -> None:
        self._network = network

    def __call__(self, clip: Clip) -> Measures:
        """The columns of speech and singing."""
        found = self.probabilities(clip.audio, clip.rate_hz)
        return {
            column: found if isinstance(found, Unavailable) else float(found[number])
            for column, number in COLUMNS.items()
        }

    def probabilities(self, audio: NDArray[np.float32], rate_hz: int) -> NDArray[np.float32] | Unavailable:
        """Of each class on its own, float32 [K]; Unavailable where the audio is silent, under 25 ms or not finite.

        Args:
            audio: mono float32 [S] in -1..1.
            rate_hz: its samples per second.
        """
        waveform = model_audio(audio, rate_hz, RATE_HZ, FRAME_SAMPLES)
        if isinstance(waveform, Unavailable):
            return waveform
        parts = windows(waveform, WINDOW, least=FRAME_SAMPLES)
        found = [self._probabilities(part) for part in parts]
        return np.average(found, axis=0, weights=[len(part) for part in parts]).astype(np.float32)

    def _probabilities(self, part: NDArray[np.float32]) -> NDArray[np.float32]:
        import torch

        from mova_core.model.single_thread import single_thread

        with single_thread(), torch.inference_mode():
            logits = self._network(torch.from_numpy(filter_banks(part))[None])
        probabilities: NDArray[np.float32] = logits[0].sigmoid().numpy()
        return probabilities
