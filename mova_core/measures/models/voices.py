"""How many voices speak in a clip: the speakers that pyannote.audio's segmentation network tells apart.

The network (PyanNet with powerset classes: nobody, one of three voices, or two of them at once) sees up to 10 s at a
time, more than a clip, so that one pass names the voices of the whole clip: no embeddings, no clustering. The user
brings its weights: the `state_dict` of a model such as pyannote/segmentation-3.0 as safetensors.
Source: A. Plaquet and H. Bredin, "Powerset multi-class cross entropy loss for neural speaker diarization"
(Interspeech 2023).
"""

import os
import re
import warnings
from collections.abc import Callable
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np

from mova_core.errors import UsageError
from mova_core.measures.clip import Clip, Measures, Unavailable

RATE_HZ = 16_000
MOST_VOICES, AT_ONCE = 3, 2  # that the network tells apart
CLASSES = 7  # nobody, three voices alone, three pairs
LONGEST_S = 10.0
LEAST_VOICE_S = 0.25  # in all; less is a breath or a laugh
SHAPES = ("classifier.weight", "linear.0.weight", "lstm.weight_hh_l0", "sincnet.conv1d.1.weight")


def check(path: Path) -> None:
    """Whether a file holds weights of such a network, by its header alone.

    Raises:
        UsageError: it does not.
    """
    shapes = _shapes(path)
    missing = [name for name in SHAPES if name not in shapes]
    if missing or shapes["classifier.weight"][0] != CLASSES:
        told = f"no {missing[0]}" if missing else f"{shapes['classifier.weight'][0]} classes"
        raise UsageError(
            f"params weights.pyannote.path is {path}, which has {told}: expected the state_dict of a PyanNet of "
            f"{CLASSES} powerset classes, such as pyannote/segmentation-3.0"
        )


def load(path: Path) -> Callable[[Clip], Measures]:
    """What counts the voices of a clip, by weights that were checked."""
    import torch
    from scipy.signal import resample_poly

    network = _network(path)

    def measure(clip: Clip) -> Measures:
        if len(clip.audio) > LONGEST_S * clip.rate_hz:
            return {"voices": Unavailable(f"it lasts over {LONGEST_S:g} s, more than the network sees at a time")}
        common = gcd(RATE_HZ, clip.rate_hz)
        audio = resample_poly(clip.audio, RATE_HZ // common, clip.rate_hz // common).astype(np.float32)
        with torch.inference_mode():
            classes = network(torch.from_numpy(audio)[None, None]).argmax(dim=-1)[0]
        speaks = _speaks(classes.numpy())
        seconds = speaks.sum(axis=0) * len(audio) / RATE_HZ / len(speaks)
        return {"voices": float((seconds >= LEAST_VOICE_S).sum())}

    return measure


def _speaks(classes: Any) -> Any:
    """Which voices speak in each frame, bool [F, 3], from powerset classes in their order: by size, then by voice."""
    sets = [(), *((one,) for one in range(MOST_VOICES))]
    sets += [(one, other) for one in range(MOST_VOICES) for other in range(one + 1, MOST_VOICES)]
    table = np.array([[voice in each for voice in range(MOST_VOICES)] for each in sets])
    return table[classes]


def _network(path: Path) -> Any:
    os.environ["PYANNOTE_METRICS_ENABLED"] = "0"  # it would tell its makers what is used
    from safetensors.torch import load_file

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that its own audio decoder is not there: audio comes decoded
        from pyannote.audio.core.task import Problem, Resolution, Specifications
        from pyannote.audio.models.segmentation import PyanNet

    shapes = _shapes(path)
    layers = len([name for name in shapes if re.fullmatch(r"lstm\.weight_ih_l\d+", name)])
    linear = len([name for name in shapes if re.fullmatch(r"linear\.\d+\.weight", name)])
    network = PyanNet(
        lstm={"hidden_size": shapes["lstm.weight_hh_l0"][1], "num_layers": layers},
        linear={"hidden_size": shapes["linear.0.weight"][0], "num_layers": linear},
        sample_rate=RATE_HZ,
    )
    network.specifications = Specifications(
        problem=Problem.MONO_LABEL_CLASSIFICATION,
        resolution=Resolution.FRAME,
        duration=LONGEST_S,
        classes=[f"voice {number}" for number in range(MOST_VOICES)],
        powerset_max_classes=AT_ONCE,
        permutation_invariant=True,
    )
    network.build()
    network.load_state_dict(load_file(path))
    return network.eval()


def _shapes(path: Path) -> dict[str, tuple[int, ...]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except SafetensorError as error:
        raise UsageError(
            f"params weights.pyannote.path is {path}, which is no safetensors file ({error}): convert them"
        ) from None
