"""PANNs Cnn14 by the user's weights: class probabilities and an embedding of a clip's audio.

Preprocessing is that of the MOVA report's evaluation: 32 kHz mono, the first 10 s, shorter audio filled with zeros, as
in the network's training. The class probabilities of the Inception score are the softmax of the 527 logits: the
network's own sigmoids are one yes or no a class, and no distribution. (av-benchmark does the same with the 16 kHz
variant.)
Sources: `network.py`, `front_end.py`; OpenMOSS/MOVA, evaluation/metrics/audio_is_clap/IS.py; hkchengrex/av-benchmark,
av_bench/metrics/isc.py.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mova_core.measures.clip import Clip, Unavailable
from mova_core.measures.models.audio_input import model_audio
from mova_core.measures.models.panns.front_end import MEL, check_saved_layers, log_mel
from mova_core.measures.models.weights_file import Published, check_weights, file_shapes, load_network

if TYPE_CHECKING:
    from mova_core.measures.models.panns.network import Cnn14

PUBLISHED = Published("panns", "the state_dict of PANNs Cnn14, key `model` of Cnn14_mAP=0.431.pth")
WINDOW = 10 * MEL.rate_hz
LEAST_SAMPLES = MEL.window


@dataclass(frozen=True, slots=True)
class Cnn14Output:
    """What Cnn14 says of one clip.

    Args:
        embedding: float32 [D], 2048 in the published network.
        logits: float32 [K], one a class of AudioSet in the order of its class_labels_indices.csv.
    """

    embedding: NDArray[np.float32]
    logits: NDArray[np.float32]

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """Of the classes as one distribution, float32 [K]."""
        weights = np.exp(self.logits - self.logits.max())
        normalised: NDArray[np.float32] = weights / weights.sum()
        return normalised


def check(path: Path) -> None:
    """Whether a file holds a state dict of Cnn14, by its header alone.

    Raises:
        UsageError: it does not.
    """
    check_weights(path, lambda: _network(path), PUBLISHED)


def load(path: Path) -> "Panns":
    """The network with weights that were checked.

    Raises:
        UsageError: its front end is that of another rate or band.
    """
    network = load_network(path, lambda: _network(path))
    check_saved_layers(path, network.state_dict())
    return Panns(network)


def _network(path: Path) -> "Cnn14":
    from mova_core.measures.models.panns.network import Cnn14, Cnn14Sizes

    return Cnn14(Cnn14Sizes.of(file_shapes(path, PUBLISHED)))


class Panns:
    """Cnn14 on one thread, without gradients."""

    def __init__(self, network: "Cnn14") -> None:
        self._network = network

    def output(self, audio: NDArray[np.float32], rate_hz: int) -> Cnn14Output | Unavailable:
        """Embedding and logits of mono audio [S] in -1..1; Unavailable where it is silent, under 32 ms or not finite.

        Args:
            audio: mono float32 [S].
            rate_hz: its samples per second.
        """
        import torch

        from mova_core.model.single_thread import single_thread

        waveform = model_audio(audio, rate_hz, MEL.rate_hz, LEAST_SAMPLES)
        if isinstance(waveform, Unavailable):
            return waveform
        seen = np.pad(waveform[:WINDOW], (0, max(0, WINDOW - len(waveform))))
        with single_thread(), torch.inference_mode():
            embedding, logits = self._network(torch.from_numpy(log_mel(seen))[None])
        return Cnn14Output(embedding[0].numpy(), logits[0].numpy())

    def of_clip(self, clip: Clip) -> Cnn14Output | Unavailable:
        """As `output`, of a clip: for `Clip.get`, so that several metrics ask the network once."""
        return self.output(clip.audio, clip.rate_hz)

    def embed(self, audio: NDArray[np.float32], rate_hz: int) -> NDArray[np.float32] | Unavailable:
        """The embedding, float32 [D], for the Fréchet audio distance; arguments as of `output`."""
        output = self.output(audio, rate_hz)
        return output if isinstance(output, Unavailable) else output.embedding

    def probabilities(self, audio: NDArray[np.float32], rate_hz: int) -> NDArray[np.float32] | Unavailable:
        """A distribution over the classes, float32 [K], for the Inception score; arguments as of `output`."""
        output = self.output(audio, rate_hz)
        return output if isinstance(output, Unavailable) else output.probabilities
