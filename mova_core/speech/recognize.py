"""Who says what in a clip: the one path by which evaluation and captions get a transcript.

Where Silero finds nobody who speaks, the transcript is empty and no model is asked: they write words into noise. Else a
transcriber writes what is said, and each word is given to the speaker who speaks then.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mova_core.endpoints.endpoint import Endpoint
from mova_core.params import Params
from mova_core.params.speech import SpeechParams
from mova_core.speech import diarize, transcribe
from mova_core.speech.audio import speech_audio
from mova_core.speech.diarize import DiarizationParts, Diarizer, configured_parts
from mova_core.speech.transcribe import Transcriber, transcriber
from mova_core.speech.transcript import Transcript
from mova_core.speech.turns import Turn, with_speakers
from mova_core.speech.voice_activity import speech_in
from mova_core.speech.whisper import check_folder


@dataclass(frozen=True, eq=False)
class SpeechRecognizer:
    """Models that are loaded.

    Args:
        transcriber: writes what is said; None where none is configured.
        diarizer: says who speaks when; None where none is configured.
    """

    transcriber: Transcriber | None = None
    diarizer: Diarizer | None = None

    @classmethod
    def configured(cls, params: Params, cache: Path) -> "SpeechRecognizer":
        """Those that params and the environment name.

        Args:
            params: whose sections `speech` and `weights` name them.
            cache: folder of an endpoint's answers.

        Raises:
            UsageError: what is named cannot be used.
        """
        return ConfiguredSpeech.of(params, cache).recognizer()

    def transcript(self, audio: NDArray[np.float32], rate_hz: int) -> Transcript | None:
        """What is said in a clip, with speakers where there is a diarizer; None where there is no transcriber.

        Args:
            audio: mono float32 [S] in -1..1.
            rate_hz: samples per second.

        Raises:
            EndpointError: an endpoint gives no transcript.
        """
        words = self.words(audio, rate_hz)
        if words is None or not words.segments:
            return words
        return with_speakers(words, self.turns(audio, rate_hz) or ())

    def words(self, audio: NDArray[np.float32], rate_hz: int) -> Transcript | None:
        """As `transcript`, without speakers."""
        if self.transcriber is None:
            return None
        spoken = speech_audio(audio, rate_hz)
        return self.transcriber(spoken) if speech_in(spoken) else Transcript(segments=())

    def turns(self, audio: NDArray[np.float32], rate_hz: int) -> Sequence[Turn] | None:
        """Who speaks when; None where there is no diarizer."""
        if self.diarizer is None:
            return None
        spoken = speech_audio(audio, rate_hz)
        return self.diarizer(spoken) if speech_in(spoken) else ()


@dataclass(frozen=True, slots=True)
class ConfiguredSpeech:
    """Models that params and the environment name, checked and not yet loaded; travels to workers.

    Args:
        params: of speech; its defaults name none.
        parts: of diarization; None where none are named.
        endpoint: that transcribes; None where none is named, or a local model is.
        cache: folder of an endpoint's answers; None where there is no endpoint.
    """

    params: SpeechParams = field(default_factory=SpeechParams)
    parts: DiarizationParts | None = None
    endpoint: Endpoint | None = None
    cache: Path | None = None

    @classmethod
    def of(cls, params: Params, cache: Path) -> "ConfiguredSpeech":
        """As `SpeechRecognizer.configured`, whose arguments and errors these are."""
        speech = params.speech
        if speech.whisper is not None:
            check_folder(speech.whisper)
        endpoint = None if speech.whisper is not None else Endpoint.from_environment("ASR")
        parts = configured_parts(params.weights, speech.diarization)
        return cls(speech, parts, endpoint, None if endpoint is None else cache)

    @property
    def missing(self) -> dict[str, str]:
        """What is not configured, as a reason that ends in what to set: by `transcriber`, `diarizer`."""
        missing = {}
        if self.params.whisper is None and self.endpoint is None:
            missing["transcriber"] = f"nothing writes what is said: {transcribe.CONFIGURE}"
        if self.parts is None:
            missing["diarizer"] = f"nothing tells speakers apart: {diarize.CONFIGURE}"
        return missing

    def recognizer(self) -> SpeechRecognizer:
        """The models, loaded once a process."""
        return _loaded(self)


@cache
def _loaded(configured: ConfiguredSpeech) -> SpeechRecognizer:
    params, parts = configured.params, configured.parts
    diarizer = None if parts is None else Diarizer(parts, params.diarization)
    return SpeechRecognizer(transcriber(params, configured.endpoint, configured.cache), diarizer)
