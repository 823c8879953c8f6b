"""Speaker diarization: who speaks when, by pyannote.audio's SpeakerDiarization pipeline with the user's weights.

Three parts, each by path and sha256, none of which is unpickled: the segmentation network (params `weights.pyannote`),
a WeSpeaker ResNet34 that embeds voices (`speech.diarization.embedding`, its `state_dict` as safetensors), and the PLDA
in which embeddings are clustered by VBx (two .npz of arrays). The settings are those that the package gives its
published pipeline, pyannote/speaker-diarization-community-1, whose parts these are.
Sources: H. Bredin, "pyannote.audio 2.1 speaker diarization pipeline" (Interspeech 2023); F. Landini and others,
"Bayesian HMM clustering of x-vector sequences (VBx)" (arXiv:2012.14952); pyannote/pyannote-audio 4.0.7.
"""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from mova_core.errors import UsageError
from mova_core.params.speech import DiarizationParams
from mova_core.params.weights import Weights, WeightsParams
from mova_core.speech.audio import SPEECH_RATE_HZ
from mova_core.speech.segmentation_network import (
    check_segmentation,
    quiet_pyannote,
    segmentation_network,
    tensor_shapes,
)
from mova_core.speech.turns import Turn
from mova_core.storage.stated_file import check_stated_file

CONFIGURE = "set params weights.pyannote and speech.diarization, each {path, sha256}"
KEY = "params speech.diarization"
EMBEDDING_SIZE = 256
EMBEDDING_SHAPES = {
    "resnet.conv1.weight": (32, 1, 3, 3),
    "resnet.layer3.5.conv2.weight": (128, 128, 3, 3),
    "resnet.seg_1.weight": (EMBEDDING_SIZE, 5120),
}
TRANSFORM_ARRAYS, PLDA_ARRAYS = ("mean1", "mean2", "lda"), ("mu", "tr", "psi")
SETTINGS = {
    "segmentation": {"min_duration_off": 0.0},
    "clustering": {"threshold": 0.6, "Fa": 0.07, "Fb": 0.8},
}


@dataclass(frozen=True, slots=True)
class DiarizationParts:
    """Files of the pipeline, whose hashes and shapes were checked.

    Args:
        segmentation: of the network that tells voices apart within 10 s.
        embedding: of the network that says whose voice it is.
        plda_transform: arrays mean1, mean2 and lda, which centre and reduce embeddings.
        plda: arrays mu, tr and psi of the model in which they are compared.
    """

    segmentation: Path
    embedding: Path
    plda_transform: Path
    plda: Path


def configured_parts(weights: WeightsParams, params: DiarizationParams) -> DiarizationParts | None:
    """The parts that these params name, checked; None where they name no embedding (`CONFIGURE` says how).

    Raises:
        UsageError: a part is missing, not the one that was stated, or of another shape.
    """
    segmentation, embedding, transform, plda = weights.pyannote, params.embedding, params.plda_transform, params.plda
    if embedding is None or transform is None or plda is None:
        return None
    if segmentation is None:
        raise UsageError(f"{KEY} is configured and params weights.pyannote is not: it tells the voices apart, state it")
    parts = DiarizationParts(
        _checked("params weights.pyannote", segmentation, ".safetensors"),
        _checked(f"{KEY}.embedding", embedding, ".safetensors"),
        _checked(f"{KEY}.plda_transform", transform, ".npz"),
        _checked(f"{KEY}.plda", plda, ".npz"),
    )
    check_segmentation(parts.segmentation, "params weights.pyannote")
    _check_embedding(parts.embedding)
    _check_plda(parts)
    return parts


class Diarizer:
    """The pipeline.

    Args:
        parts: checked.
        params: from window to window, and how many speakers there may be.
    """

    def __init__(self, parts: DiarizationParts, params: DiarizationParams) -> None:
        self._pipeline = _pipeline(parts, params.step)
        self._most_speakers = params.most_speakers

    def __call__(self, audio: NDArray[np.float32]) -> tuple[Turn, ...]:
        """Turns of a clip in the order of their start.

        Args:
            audio: mono float32 [S] in -1..1 at 16 kHz.
        """
        import torch

        if not len(audio):
            return ()
        file = {"waveform": torch.from_numpy(audio)[None], "sample_rate": SPEECH_RATE_HZ, "uri": "clip"}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of voices too short to embed, which it then leaves out
            found = self._pipeline(file, max_speakers=self._most_speakers)
        duration_s = len(audio) / SPEECH_RATE_HZ  # it pads to its window
        spoken = [
            Turn(segment.start, min(segment.end, duration_s), str(speaker))
            for segment, _, speaker in found.speaker_diarization.itertracks(yield_label=True)
            if segment.start < duration_s
        ]
        return tuple(sorted(spoken, key=lambda turn: (turn.start_s, turn.end_s, turn.speaker)))


def _checked(key: str, weights: Weights, suffix: str) -> Path:
    path = Path(weights.path)
    check_stated_file(key, path, weights.sha256, suffix)
    return path


def _check_embedding(path: Path) -> None:
    shapes = tensor_shapes(path, f"{KEY}.embedding")
    for name, expected in EMBEDDING_SHAPES.items():
        if shapes.get(name) != expected:
            told = f"{name} of shape {list(shapes[name])}" if name in shapes else f"no {name}"
            raise UsageError(
                f"{KEY}.embedding.path is {path}, which has {told}: expected the state_dict of pyannote.audio's "
                f"WeSpeakerResNet34, whose {name} is {list(expected)}"
            )


def _check_plda(parts: DiarizationParts) -> None:
    """Shapes of both files, which depend on each other."""
    transform = _arrays(f"{KEY}.plda_transform", parts.plda_transform, TRANSFORM_ARRAYS)
    plda = _arrays(f"{KEY}.plda", parts.plda, PLDA_ARRAYS)
    size = transform["lda"].shape[-1] if transform["lda"].ndim == 2 else 0
    for key, path, arrays, shapes in (
        ("plda_transform", parts.plda_transform, transform, ((EMBEDDING_SIZE,), (size,), (EMBEDDING_SIZE, size))),
        ("plda", parts.plda, plda, ((size,), (size, size), (size,))),
    ):
        for (name, array), shape in zip(arrays.items(), shapes, strict=True):
            if array.shape != shape or not np.isfinite(array).all():
                raise UsageError(
                    f"{KEY}.{key}.path is {path}, whose {name} has shape {list(array.shape)}: expected finite numbers "
                    f"of shape {list(shape)}"
                )


def _arrays(key: str, path: Path, names: tuple[str, ...]) -> dict[str, NDArray[np.floating[Any]]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in names}
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise UsageError(f"{key}.path is {path}, which holds no arrays {', '.join(names)} ({error})") from None
    for name, array in arrays.items():
        if not np.issubdtype(array.dtype, np.floating):
            raise UsageError(f"{key}.path is {path}, whose {name} holds {array.dtype}: expected floating point numbers")
    return arrays


def _pipeline(parts: DiarizationParts, step: float) -> Any:
    import torch
    from safetensors.torch import load_file

    with quiet_pyannote():
        from pyannote.audio.core.plda import PLDA
        from pyannote.audio.models.embedding.wespeaker import WeSpeakerResNet34
        from pyannote.audio.pipelines import SpeakerDiarization

    embedding = WeSpeakerResNet34()
    embedding.load_state_dict(load_file(parts.embedding))
    pipeline = SpeakerDiarization(
        segmentation=segmentation_network(parts.segmentation),
        segmentation_step=step,
        embedding=embedding.eval(),
        embedding_exclude_overlap=True,
        plda=PLDA(parts.plda_transform, parts.plda),
        clustering="VBxClustering",
    )
    pipeline.instantiate(SETTINGS)
    return pipeline.to(torch.device("cuda" if torch.cuda.is_available() else "cpu"))
