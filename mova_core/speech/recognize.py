"""Who says what in a clip: the one path by which evaluation and captions get a transcript.

Where Silero finds nobody who speaks, the transcript is empty and no model is asked: they write words into noise. Else a
transcriber writes what is said, and each word is given to the speaker who speaks then.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mova_core.params import Params
from mova_core.speech import diarize, transcribe
from mova_core.speech.audio import speech_audio
from mova_core.speech.diarize import Diarizer, configured_parts
from mova_core.speech.transcribe import Transcriber, configured_transcriber
from mova_core.speech.transcript import Transcript
from mova_core.speech.turns import Turn, with_speakers
from mova_core.speech.voice_activity import speech_in

WHO = "nobody tells speakers apart"
WHAT = "nothing writes what is said"


@dataclass(frozen=True)
class SpeechRecognizer:
    """The models that are configured.

    Args:
        transcriber: writes what is said; None where none is configured.
        diarizer: says who speaks when; None where none is configured.
    """

    transcriber: Transcriber | None = None
    diarizer: Diarizer | None = None

    @classmethod
    def configured(cls, params: Params, cache: Path) -> "SpeechRecognizer":
        """Those that params and the environment name, loaded.

        Args:
            params: whose sections `speech` and `weights` name them.
            cache: folder of an endpoint's answers.

        Raises:
            UsageError: what is named cannot be used.
        """
        parts = configured_parts(params.weights, params.speech.diarization)
        diarizer = None if parts is None else Diarizer(parts, params.speech.diarization)
        return cls(configured_transcriber(params.speech, cache), diarizer)

    @property
    def missing(self) -> dict[str, str]:
        """What is not configured, as a reason that ends in what to set: by `transcriber`, `diarizer`."""
        reasons = {"transcriber": f"{WHAT}: {transcribe.CONFIGURE}", "diarizer": f"{WHO}: {diarize.CONFIGURE}"}
        return {name: reason for name, reason in reasons.items() if getattr(self, name) is None}

    def transcript(self, audio: NDArray[np.float32], rate_hz: int) -> Transcript | None:
        """What is said in a clip, with speakers where there is a diarizer; None where there is no transcriber.

        Args:
            audio: mono float32 [S] in -1..1.
            rate_hz: samples per second.

        Raises:
            EndpointError: an endpoint gives no transcript.
        """
        if self.transcriber is None:
            return None
        spoken = speech_audio(audio, rate_hz)
        if not speech_in(spoken):
            return Transcript(segments=())
        transcript = self.transcriber(spoken)
        return transcript if self.diarizer is None else with_speakers(transcript, self.diarizer(spoken))

    def turns(self, audio: NDArray[np.float32], rate_hz: int) -> Sequence[Turn] | None:
        """Who speaks when; None where there is no diarizer."""
        if self.diarizer is None:
            return None
        spoken = speech_audio(audio, rate_hz)
        return self.diarizer(spoken) if speech_in(spoken) else ()
