"""The speech track of captions: what is said, and by whom where speakers are told apart."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mova_core.curation.caption.models.clip_media import ClipMedia
from mova_core.endpoints.endpoint import Endpoint
from mova_core.errors import UsageError
from mova_core.params import Params
from mova_core.speech.recognize import SpeechRecognizer
from mova_core.speech.transcript import Transcript
from mova_core.storage.hashing import sha256_json

Transcribe = Callable[[NDArray[np.float32], int], Transcript | None]  # of audio [S] at a rate in Hz


@dataclass(frozen=True, slots=True)
class SpeechTrack:
    """The models that write what is said, and who says it where speakers are told apart.

    Args:
        transcribe: as `SpeechRecognizer.transcript`.
        model: name of the one that writes.
        identity: of all of them and how they are used.
        endpoint: where it answers; None where it is a local one.
        turn: of models in this process, which take one clip at a time; None where there are none.
    """

    transcribe: Transcribe
    model: str
    identity: str
    endpoint: Endpoint | None = None
    turn: asyncio.Lock | None = None

    @classmethod
    def of(cls, params: Params, endpoint: Endpoint | None, answers: Path) -> "SpeechTrack | None":
        """Those that params name; None where they name none.

        Args:
            params: whose sections caption, speech and weights name them.
            endpoint: of caption.models.asr.
            answers: folder that keeps what it answered.

        Raises:
            UsageError: one cannot be used, or an endpoint and a local model are both named.
        """
        name, whisper = params.caption.models.asr, params.speech.whisper
        if name is not None and whisper is not None:
            raise UsageError(
                f"params caption.models.asr is {name!r}, and speech.whisper names a local model: expected one of them"
            )
        if name is None and whisper is None:
            return None
        recognizer = SpeechRecognizer.configured(params, answers)
        model = name if whisper is None else f"whisper {whisper.sha256[:12]}"
        identity = sha256_json(params.speech, params.weights.pyannote)
        is_local = whisper is not None or recognizer.diarizer is not None
        return cls(recognizer.transcript, str(model), identity, endpoint, asyncio.Lock() if is_local else None)

    async def transcript(self, media: ClipMedia) -> Transcript | None:
        """What is said in a clip; the rest of the run goes on meanwhile."""
        async with self.turn or contextlib.nullcontext():
            return await asyncio.to_thread(self.transcribe, media.audio, media.rate_hz)
