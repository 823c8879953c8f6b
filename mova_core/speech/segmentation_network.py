"""pyannote.audio's speaker segmentation network, from weights of the user: which of three voices speak in each frame.

PyanNet with powerset classes (nobody, one of three voices, or two of them at once), which sees up to 10 s at a time.
The weights are the `state_dict` of a model such as pyannote/segmentation-3.0 as safetensors; sizes are read from them.
Source: A. Plaquet and H. Bredin, "Powerset multi-class cross entropy loss for neural speaker diarization"
(Interspeech 2023).
"""

import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mova_core.errors import StaleError, UsageError
from mova_core.speech.audio import SPEECH_RATE_HZ
from mova_core.storage.safetensors_header import read_header

WINDOW_S = 10.0
MOST_VOICES, AT_ONCE = 3, 2  # that the network tells apart
CLASSES = 7  # nobody, three voices alone, three pairs
SHAPES = ("classifier.weight", "linear.0.weight", "lstm.weight_hh_l0", "sincnet.conv1d.1.weight")


@contextmanager
def quiet_pyannote() -> Iterator[None]:
    """To import pyannote.audio in: it tells its makers nothing, and does not warn that its audio decoder is missing."""
    os.environ["PYANNOTE_METRICS_ENABLED"] = "0"  # it would tell its makers what is used
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # audio comes decoded
        yield


def check_segmentation(path: Path, key: str) -> None:
    """Whether a file holds weights of such a network, by its header alone.

    Args:
        path: the file.
        key: of the params that name it, for messages.

    Raises:
        UsageError: it does not.
    """
    shapes = tensor_shapes(path, key)
    missing = [name for name in SHAPES if name not in shapes]
    if missing or shapes["classifier.weight"][0] != CLASSES:
        told = f"no {missing[0]}" if missing else f"{shapes['classifier.weight'][0]} classes"
        raise UsageError(
            f"{key}.path is {path}, which has {told}: expected the state_dict of a PyanNet of {CLASSES} powerset "
            "classes, such as pyannote/segmentation-3.0"
        )


def tensor_shapes(path: Path, key: str) -> dict[str, tuple[int, ...]]:
    """Shapes of a safetensors file, by name.

    Raises:
        UsageError: it is none.
    """
    try:
        return {name: tensor.shape for name, tensor in read_header(path).tensors.items()}
    except StaleError as error:
        raise UsageError(f"{key}.path is {path}, which is no safetensors file ({error}): convert them") from None


def segmentation_network(path: Path) -> Any:
    """The network, by weights that were checked: audio [B, 1, S] at 16 kHz to log probabilities [B, frames, 7]."""
    from safetensors.torch import load_file

    with quiet_pyannote():
        from pyannote.audio.core.task import Problem, Resolution, Specifications
        from pyannote.audio.models.segmentation import PyanNet

    weights = load_file(path)
    layers = len([name for name in weights if re.fullmatch(r"lstm\.weight_ih_l\d+", name)])
    linear = len([name for name in weights if re.fullmatch(r"linear\.\d+\.weight", name)])
    network = PyanNet(
        lstm={"hidden_size": weights["lstm.weight_hh_l0"].shape[1], "num_layers": layers},
        linear={"hidden_size": weights["linear.0.weight"].shape[0], "num_layers": linear},
        sample_rate=SPEECH_RATE_HZ,
    )
    network.specifications = Specifications(
        problem=Problem.MONO_LABEL_CLASSIFICATION,
        resolution=Resolution.FRAME,
        duration=WINDOW_S,
        classes=[f"voice {number}" for number in range(MOST_VOICES)],
        powerset_max_classes=AT_ONCE,
        permutation_invariant=True,
    )
    network.build()
    network.load_state_dict(weights)
    return network.eval()
