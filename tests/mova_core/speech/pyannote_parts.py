"""Parts of pyannote.audio's pipeline of the real form, with weights that decide one thing: who speaks."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from mova_core.speech.segmentation_network import quiet_pyannote

NOBODY, FIRST, FIRST_AND_THIRD = 0, 1, 5  # powerset classes of three voices


def write_segmentation(path: Path, chosen: int, voices: int = 3) -> Path:
    """Weights of a small network that gives one class, whatever the audio."""
    with quiet_pyannote():
        from pyannote.audio.core.task import Problem, Resolution, Specifications
        from pyannote.audio.models.segmentation import PyanNet

    network = PyanNet(lstm={"hidden_size": 8, "num_layers": 2}, linear={"hidden_size": 8, "num_layers": 1})
    network.specifications = Specifications(
        problem=Problem.MONO_LABEL_CLASSIFICATION,
        resolution=Resolution.FRAME,
        duration=10.0,
        classes=[str(voice) for voice in range(voices)],
        powerset_max_classes=2,
        permutation_invariant=True,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network.build()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(0.01)
        network.classifier.weight.zero_()
        network.classifier.bias.copy_(torch.nn.functional.one_hot(torch.tensor(chosen), len(network.classifier.bias)))
    save_file(network.state_dict(), path)
    return path


def write_embedding(path: Path) -> Path:
    """Drawn weights of the network that embeds voices."""
    with quiet_pyannote():
        from pyannote.audio.models.embedding.wespeaker import WeSpeakerResNet34

    with torch.random.fork_rng():
        torch.manual_seed(0)
        save_file(WeSpeakerResNet34().state_dict(), path)
    return path


def write_plda(folder: Path, size: int = 128, **changed: Any) -> tuple[Path, Path]:
    """Arrays that compare embeddings of 256 numbers in so many dimensions; `changed` replaces some by name."""
    draw = np.random.default_rng(0)
    transform = {"mean1": np.zeros(256), "mean2": np.zeros(size), "lda": draw.normal(size=(256, size))}
    plda = {"mu": np.zeros(size), "tr": np.eye(size), "psi": np.linspace(2, 0.1, size)}
    paths = folder / "xvec_transform.npz", folder / "plda.npz"
    for path, arrays in zip(paths, (transform, plda), strict=True):
        np.savez(path, **{name: changed.get(name, array) for name, array in arrays.items()})
    return paths
