"""Speech recognition by a local Whisper: a folder in transformers' form, weights as safetensors, nothing downloaded.

Greedy decoding, so that the same audio gives the same words. Words have times where the model's generation config names
alignment heads (the published ones do), else segments have. Whisper sees 30 s at a time; longer audio goes in windows.
Source: A. Radford and others, "Robust Speech Recognition via Large-Scale Weak Supervision" (arXiv:2212.04356).
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mova_core.errors import UsageError
from mova_core.params.weights import Weights
from mova_core.speech.audio import SPEECH_RATE_HZ
from mova_core.speech.transcript import Segment, Transcript, Word, plain, times_within
from mova_core.storage.hashing import sha256_folder

KEY = "params speech.whisper"
CONFIG_FILE, MODEL_TYPE = "config.json", "whisper"
SHOWN = 200  # characters of an error's text
LEAST_SAMPLES = SPEECH_RATE_HZ // 10  # less than a tenth of a second holds no word


@dataclass(frozen=True)
class WhisperTranscriber:
    """A `Transcriber`.

    Args:
        pipeline: transformers' pipeline of speech recognition.
        language: code of what is spoken; None lets the model find out.
    """

    pipeline: Any
    language: str | None = None

    @classmethod
    def open(cls, weights: Weights, language: str | None) -> "WhisperTranscriber":
        """Load a folder whose content was stated.

        Args:
            weights: path of the folder, and `sha256_folder` of it.
            language: code of what is spoken; None lets the model find out.

        Raises:
            UsageError: it is not the folder that was stated, holds no Whisper, or does not know the language.
        """
        check_folder(weights)
        loaded = _pipeline(Path(weights.path))
        known = getattr(loaded.model.generation_config, "lang_to_id", None)
        if language is not None and known and f"<|{language}|>" not in known:
            raise UsageError(
                f"params speech.language is {language!r}, which {weights.path} does not know: leave it out"
            )
        return cls(loaded, language)

    def __call__(self, audio: NDArray[np.float32]) -> Transcript:
        """What is said; see `Transcriber`."""
        if len(audio) < LEAST_SAMPLES:
            return Transcript(segments=())
        words = hasattr(self.pipeline.model.generation_config, "alignment_heads")
        multilingual = getattr(self.pipeline.model.generation_config, "is_multilingual", False)
        spoken = {"task": "transcribe", "language": self.language} if multilingual else {}
        found = self.pipeline(
            {"raw": audio, "sampling_rate": SPEECH_RATE_HZ},
            return_timestamps="word" if words else True,
            generate_kwargs={"num_beams": 1, "do_sample": False, **spoken},
        )
        duration_s = len(audio) / SPEECH_RATE_HZ
        chunks = [
            (text, times_within(chunk["timestamp"][0], chunk["timestamp"][1], duration_s))
            for chunk in found["chunks"]
            if (text := plain(chunk["text"]))
        ]
        if not chunks:
            return Transcript(segments=(), language=self.language)
        if not words:
            segments = [Segment(text=text, **times) for text, times in chunks]
        else:
            spoken_words = tuple(Word(text=text, **times) for text, times in chunks)
            ends = {"start_s": chunks[0][1]["start_s"], "end_s": chunks[-1][1]["end_s"]}
            segments = [Segment(text=plain(found["text"]), words=spoken_words, **ends)]
        return Transcript(segments=tuple(segments), language=self.language)


def check_folder(weights: Weights) -> None:
    """Whether a folder is the one that was stated.

    Raises:
        UsageError: it is not.
    """
    folder = Path(weights.path)
    if _kind(folder / CONFIG_FILE) != MODEL_TYPE:
        raise UsageError(
            f"{KEY}.path is {folder}, which holds no {CONFIG_FILE} of a {MODEL_TYPE}: expected the folder of one in "
            "transformers' form"
        )
    if not list(folder.glob("*.safetensors")):
        raise UsageError(f"{KEY}.path is {folder}, which holds no .safetensors: convert the weights")
    if (found := sha256_folder(folder)) != weights.sha256:
        raise UsageError(
            f"{KEY}: {folder} has sha256 {found}, expected {weights.sha256}: bring that folder, or state this hash"
        )


def _kind(config: Path) -> Any:
    """The `model_type` of a config; None where there is none to read."""
    try:
        values = json.loads(config.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return values.get("model_type") if isinstance(values, dict) else None


def _pipeline(folder: Path) -> Any:
    import torch
    from safetensors import SafetensorError
    from transformers import WhisperForConditionalGeneration, WhisperProcessor, pipeline
    from transformers.utils import logging

    logging.disable_progress_bar()  # each worker loads it
    try:
        loaded: Any = WhisperForConditionalGeneration.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype=torch.float32, output_loading_info=True
        )
        model, report = loaded  # which is what `output_loading_info` adds
        if report["missing_keys"]:  # they would be drawn
            raise ValueError(f"no weights for {sorted(report['missing_keys'])[0]}")
        processor = WhisperProcessor.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise UsageError(
            f"{KEY}.path is {folder}, which holds no whole Whisper ({plain(str(error))[:SHOWN]})"
        ) from None
    return pipeline(
        "automatic-speech-recognition",
        model=model.eval(),
        tokenizer=processor.tokenizer,
        feature_extractor=processor.feature_extractor,
        device="cuda" if torch.cuda.is_available() else "cpu",
    )
