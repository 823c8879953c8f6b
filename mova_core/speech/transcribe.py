"""Write what is said in a clip: what a transcriber is, and which one is configured.

Either a local Whisper (params `speech.whisper`), or else an endpoint (MOVA_ASR_URL). Both give a transcript without
speakers; `recognize.py` adds those.
"""

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mova_core.endpoints.endpoint import Endpoint
from mova_core.params.speech import SpeechParams
from mova_core.speech.transcript import Transcript
from mova_core.storage.result_cache import ResultCache

CONFIGURE = "set MOVA_ASR_URL and MOVA_ASR_MODEL to an OpenAI-compatible endpoint, or params speech.whisper to a model"


class Transcriber(Protocol):
    """A model that writes what is said."""

    def __call__(self, audio: NDArray[np.float32]) -> Transcript:
        """What is said in a clip.

        Args:
            audio: mono float32 [S] in -1..1 at 16 kHz.

        Raises:
            EndpointError: an endpoint gives no transcript.
        """


def transcriber(params: SpeechParams, endpoint: Endpoint | None, cache: Path | None) -> Transcriber | None:
    """The one that is configured; None where neither is (`CONFIGURE` says how).

    Args:
        params: of speech.
        endpoint: to ask where params name no local model.
        cache: folder of its answers.

    Raises:
        UsageError: what is named cannot be used.
    """
    if params.whisper is not None:
        from mova_core.speech.whisper import WhisperTranscriber

        return WhisperTranscriber.open(params.whisper, params.language)
    if endpoint is None or cache is None:
        return None
    from mova_core.speech.endpoint_transcriber import EndpointTranscriber

    return EndpointTranscriber(endpoint, ResultCache("transcripts", cache), params.language)
