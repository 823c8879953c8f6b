"""CLAP by the user's weights: how well a clip's audio fits a text, as the cosine of their embeddings, -1..1.

The model is transformers' ClapModel, which is maintained and has the published layout; the package laion_clap unpickles
its weights. The path names the model.safetensors of a folder as laion/clap-htsat-unfused or -fused has it: config.json,
preprocessor_config.json and the tokenizer's files lie beside it, and the settings of the features are those of the
folder (published: 48 kHz, windows of 10 s, shorter audio repeated, 64 mel bands from 50 Hz to 14 kHz).
The published code cuts random windows out of longer audio; here windows lie back to back, and the mean of their
embeddings, weighted by their lengths, is brought back to length 1. Texts are cut at 77 tokens, as laion_clap does.
The MOVA report's values come from the fused model (630k-audioset-fusion-best), but are no reference for these: its
evaluation hands audio of 32 kHz to a model that takes it for 48 kHz.
Sources: Y. Wu and others, "Large-scale Contrastive Language-Audio Pretraining with Feature Fusion and
Keyword-to-Caption Augmentation" (arXiv:2211.06687); LAION-AI/CLAP, src/laion_clap; transformers, models/clap;
OpenMOSS/MOVA, evaluation/metrics/audio_is_clap/eval_audio_is_clap.py.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mova_core.measures.clip import Clip, Measures, Unavailable
from mova_core.measures.models.audio_input import model_audio, windows
from mova_core.measures.models.weights_file import Published, check_weights

if TYPE_CHECKING:
    from transformers import ClapConfig, ClapFeatureExtractor, ClapModel

FILE = "model.safetensors"
INDICES = ("position_ids", "token_type_ids")  # constants of the text model, which not every version saved
MOST_TOKENS = 77
PUBLISHED = Published(
    "clap",
    f"the {FILE} of a folder such as laion/clap-htsat-unfused",
    unused=tuple(f"text_model.embeddings.{name}" for name in INDICES),
)


def check(path: Path) -> None:
    """Whether a folder holds a CLAP, by its settings and the header of its weights.

    Raises:
        UsageError: it does not.
    """
    if path.name != FILE:
        raise PUBLISHED.refuse(path, f"is not named {FILE}")
    config, features, _ = _settings(path)
    audio: Any = config.audio_config
    if audio.enable_fusion != (features.truncation == "fusion"):
        raise PUBLISHED.refuse(path, "lies beside a preprocessor_config.json for another model, fused or not")
    check_weights(path, lambda: _without_indices(config), PUBLISHED)


def load(path: Path) -> "Clap":
    """The model of a folder that was checked."""
    import torch
    from transformers import ClapModel
    from transformers.utils import logging

    logging.disable_progress_bar()  # each worker loads it
    _, features, tokenizer = _settings(path)
    model = ClapModel.from_pretrained(path.parent, use_safetensors=True, local_files_only=True, dtype=torch.float32)
    return Clap(model.eval().requires_grad_(False), features, tokenizer)


def _settings(path: Path) -> tuple["ClapConfig", "ClapFeatureExtractor", Any]:
    """The model's config, its feature extractor and its tokenizer, from the folder of the weights."""
    from transformers import AutoTokenizer, ClapConfig, ClapFeatureExtractor

    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # one text at a time
    try:
        return (
            ClapConfig.from_pretrained(path.parent, local_files_only=True),
            ClapFeatureExtractor.from_pretrained(path.parent, local_files_only=True),
            AutoTokenizer.from_pretrained(path.parent, local_files_only=True),
        )
    except (OSError, ValueError, TypeError) as error:
        told = " ".join(str(error).split())[:200]
        raise PUBLISHED.refuse(path, f"lies in a folder without the settings of CLAP ({told})") from None


def _without_indices(config: "ClapConfig") -> "ClapModel":
    from transformers import ClapModel

    model = ClapModel(config)
    for name in INDICES:
        delattr(model.text_model.embeddings, name)
    return model


class Clap:
    """The model on one thread, without gradients.

    Args:
        model: with its weights.
        features: what it sees of audio.
        tokenizer: of its text model.
    """

    def __init__(self, model: "ClapModel", features: "ClapFeatureExtractor", tokenizer: Any) -> None:
        self._model = model
        self._features = features
        self._tokenizer = tokenizer

    def __call__(self, clip: Clip) -> Measures:
        """`clap`: how well the audio of a clip fits the prompt that it was asked for."""
        prompt = clip.asked.prompt
        if prompt is None:
            return {"clap": Unavailable("it is not known what the clip was asked for")}
        return {"clap": self._compared(clip.get(self.of_clip), prompt)}

    def of_clip(self, clip: Clip) -> NDArray[np.float32] | Unavailable:
        """Embedding of a clip's audio, as `embed`: for `Clip.get`, so that several metrics ask the model once."""
        return self.embed(clip.audio, clip.rate_hz)

    def similarity(self, audio: NDArray[np.float32], rate_hz: int, text: str) -> float | Unavailable:
        """Cosine of audio and text, -1..1; Unavailable as `embed`, and where the text is empty.

        Args:
            audio: mono float32 [S] in -1..1.
            rate_hz: its samples per second.
            text: what it should hold, such as the prompt.
        """
        return self._compared(self.embed(audio, rate_hz), text)

    def embed(self, audio: NDArray[np.float32], rate_hz: int) -> NDArray[np.float32] | Unavailable:
        """Embedding of length 1, float32 [D]; Unavailable where the audio is silent, under 21 ms or not finite."""
        waveform = model_audio(audio, rate_hz, self._features.sampling_rate, self._features.fft_window_size)
        if isinstance(waveform, Unavailable):
            return waveform
        parts = windows(waveform, self._features.nb_max_samples)
        lengths = [len(part) for part in parts]
        mean = np.average([self._embed_window(part) for part in parts], axis=0, weights=lengths)
        return (mean / np.linalg.norm(mean)).astype(np.float32)

    def embed_text(self, text: str) -> NDArray[np.float32]:
        """Embedding of length 1, float32 [D]."""
        import torch

        from mova_core.model.single_thread import single_thread

        tokens = self._tokenizer(text, truncation=True, max_length=MOST_TOKENS, return_tensors="pt")
        with single_thread(), torch.inference_mode():
            embedding: NDArray[np.float32] = self._model.get_text_features(**tokens).pooler_output[0].numpy()
        return embedding

    def _compared(self, embedding: NDArray[np.float32] | Unavailable, text: str) -> float | Unavailable:
        """Cosine of an embedded clip and a text."""
        if not text.strip():
            return Unavailable("there is no text to compare its audio with")
        return embedding if isinstance(embedding, Unavailable) else float(embedding @ self.embed_text(text))

    def _embed_window(self, part: NDArray[np.float32]) -> NDArray[np.float32]:
        import torch

        from mova_core.model.single_thread import single_thread

        seen = self._features(part, sampling_rate=self._features.sampling_rate, return_tensors="pt")
        with single_thread(), torch.inference_mode():
            found = self._model.get_audio_features(seen["input_features"].float(), seen["is_longer"]).pooler_output
        embedding: NDArray[np.float32] = found[0].numpy()
        return embedding
