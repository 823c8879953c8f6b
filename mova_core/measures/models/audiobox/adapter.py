"""Audiobox-aesthetics by the user's weights: four scores of a clip's audio, 1 (bad) to 10.

Preprocessing is the published one: 16 kHz mono, windows of 10 s back to back, the last padded with zeros that the
network is told of, scores averaged with the windows' lengths as weights. The published code computes in bfloat16 where
its config says so; here all is float32, one window at a time.
Sources: `network.py`; facebookresearch/audiobox-aesthetics, src/audiobox_aesthetics/infer.py.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mova_core.measures.clip import Clip, Measures, Unavailable
from mova_core.measures.models.audio_input import model_audio, windows
from mova_core.measures.models.audiobox.published import AXES, PUBLISHED, Scales, config_beside
from mova_core.measures.models.weights_file import check_weights, file_shapes, load_network

if TYPE_CHECKING:
    from mova_core.measures.models.audiobox.network import Aesthetics

RATE_HZ = 16_000
WINDOW = 10 * RATE_HZ
LEAST_SAMPLES = 400  # the first frame of WavLM
MEASURES = {f"audiobox_{axis.lower()}": axis for axis in AXES}


def check(path: Path) -> None:
    """Whether a file holds weights of Audiobox-aesthetics, by its header and the config.json beside it.

    Raises:
        UsageError: it does not.
    """
    check_weights(path, lambda: _network(path), PUBLISHED)


def load(path: Path) -> "Audiobox":
    """The network with weights that were checked."""
    return Audiobox(load_network(path, lambda: _network(path)), config_beside(path).target_transform)


def _network(path: Path) -> "Aesthetics":
    from mova_core.measures.models.audiobox.network import Aesthetics, WavLMSizes

    return Aesthetics(WavLMSizes.of(file_shapes(path, PUBLISHED)), config_beside(path))


class Audiobox:
    """The model on one thread, without gradients.

    Args:
        network: its normalised values by axis.
        scales: of the axes.
    """

    def __init__(self, network: "Aesthetics", scales: Scales) -> None:
        self._network = network
        self._scales = scales

    def __call__(self, clip: Clip) -> Measures:
        """`audiobox_ce`, `audiobox_cu`, `audiobox_pc` and `audiobox_pq` of a clip."""
        scores = self.scores(clip.audio, clip.rate_hz)
        return {name: scores if isinstance(scores, Unavailable) else scores[axis] for name, axis in MEASURES.items()}

    def scores(self, audio: NDArray[np.float32], rate_hz: int) -> dict[str, float] | Unavailable:
        """Scores by axis (CE, CU, PC, PQ); Unavailable where the audio is silent, under 25 ms or not finite.

        Args:
            audio: mono float32 [S] in -1..1.
            rate_hz: its samples per second.
        """
        waveform = model_audio(audio, rate_hz, RATE_HZ, LEAST_SAMPLES)
        if isinstance(waveform, Unavailable):
            return waveform
        parts = windows(waveform, WINDOW)
        values = np.average([self._values(part) for part in parts], axis=0, weights=[len(part) for part in parts])
        return {axis: float(value) for axis, value in zip(AXES, values, strict=True)}

    def _values(self, part: NDArray[np.float32]) -> list[float]:
        """Scores of one window, in the order of AXES."""
        import torch

        from mova_core.model.single_thread import single_thread

        padded = np.pad(part, (0, WINDOW - len(part)))
        valid = torch.arange(WINDOW) < len(part)
        with single_thread(), torch.inference_mode():
            found = self._network(torch.from_numpy(padded)[None], valid[None])
        scales = {axis: getattr(self._scales, axis) for axis in AXES}
        return [found[axis].item() * scales[axis].std + scales[axis].mean for axis in AXES]
