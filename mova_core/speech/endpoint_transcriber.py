"""Speech recognition at an OpenAI-compatible endpoint: `POST /audio/transcriptions` with a WAV, words with times back.

`verbose_json` with times of segments and words is asked for first; an endpoint that refuses it (many models can only
write text) is asked for `json`, whose text is one segment without times. Answers are kept by the hash of the audio and
of the request. Source: OpenAI API reference, create transcription.
"""

import asyncio
import hashlib
from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, ValidationError

from mova_core.endpoints.endpoint import Endpoint
from mova_core.endpoints.post import Limits, RequestRefused, post
from mova_core.endpoints.rate_limit import RateLimit
from mova_core.errors import EndpointError, first_fault
from mova_core.speech.audio import SPEECH_RATE_HZ, wav
from mova_core.speech.transcript import Segment, Transcript, Word, plain, times_within
from mova_core.storage.hashing import sha256_json
from mova_core.storage.result_cache import ResultCache

METHOD = "/audio/transcriptions"
LIMITS = Limits(bytes=4 * 1024 * 1024)  # `verbose_json` tells each token
NOT_THAT_FORM = (400, 415, 422)  # HTTP's, of a server that does not know `verbose_json` or words


class _Interval(BaseModel):
    start: float = Field(allow_inf_nan=False)
    end: float = Field(allow_inf_nan=False)


class _Word(_Interval):
    word: str


class _Segment(_Interval):
    text: str


class _Transcription(BaseModel):
    """Of an answer what is read; servers add keys of their own."""

    text: str
    language: str | None = None
    segments: list[_Segment] | None = None
    words: list[_Word] | None = None


@dataclass
class EndpointTranscriber:
    """A `Transcriber`.

    Args:
        endpoint: whom to ask.
        cache: of answers.
        language: code of what is spoken, such as `en`; None lets the model find out.
        limits: of one question.
        rate: of the endpoint.
    """

    endpoint: Endpoint
    cache: ResultCache
    language: str | None = None
    limits: Limits = LIMITS
    rate: RateLimit | None = None
    _form: str = field(default="verbose_json", init=False)  # which the endpoint has not refused so far

    def __call__(self, audio: NDArray[np.float32]) -> Transcript:
        """What is said; see `Transcriber`."""
        encoded = wav(audio)
        digest = hashlib.sha256(encoded).hexdigest()
        key = sha256_json(METHOD, self.endpoint.model, self.language, digest)
        kept = self.cache.get(key)
        text = self._asked(encoded) if kept is None else kept
        transcript = self._transcript(text, len(audio) / SPEECH_RATE_HZ)
        if kept is None:
            self.cache.put(key, text)
        return transcript

    def _asked(self, encoded: bytes) -> str:
        if self._form == "verbose_json":
            try:
                return self._post(encoded, {"timestamp_granularities[]": ["segment", "word"]})
            except RequestRefused as error:
                if error.status not in NOT_THAT_FORM:
                    raise
            self._form = "json"
        return self._post(encoded, {})

    def _post(self, encoded: bytes, more: dict[str, Any]) -> str:
        fields = {"model": self.endpoint.model, "response_format": self._form, "temperature": "0", **more}
        if self.language is not None:
            fields["language"] = self.language
        request = {"data": fields, "files": {"file": ("clip.wav", encoded, "audio/wav")}}
        answer = asyncio.run(post(self.endpoint, METHOD, request, self.limits, self.rate))
        return answer.decode(errors="replace")

    def _transcript(self, text: str, duration_s: float) -> Transcript:
        try:
            found = _Transcription.model_validate_json(text)
        except ValidationError as error:
            fault = self.endpoint.without_key(first_fault(error))
            raise EndpointError(
                f"{self.endpoint} does not answer with a transcription ({fault}): name the URL of an OpenAI-compatible "
                "endpoint"
            ) from None
        language = None if found.language is None else plain(found.language)
        return Transcript(segments=tuple(_segments(found, duration_s)), language=language)


def _segments(found: _Transcription, duration_s: float) -> list[Segment]:
    """Segments with the words that begin in them; one segment of all where there are none."""
    words = [Word(text=plain(word.word), **_times(word, duration_s)) for word in found.words or () if word.word.strip()]
    words.sort(key=lambda word: word.start_s or 0.0)
    if found.segments:
        segments = sorted(found.segments, key=lambda segment: segment.start)
        times = [_times(segment, duration_s) for segment in segments]
        starts = [word.start_s or 0.0 for word in words]
        cuts = [0, *(bisect_left(starts, each["start_s"]) for each in times[1:]), len(words)]
        return [
            Segment(text=plain(segment.text), words=tuple(words[first:last]), **own)
            for segment, own, (first, last) in zip(segments, times, pairwise(cuts), strict=True)
        ]
    if not found.text.strip():
        return []
    whole = {"start_s": words[0].start_s, "end_s": words[-1].end_s} if words else {}
    return [Segment(text=plain(found.text), words=tuple(words), **whole)]


def _times(interval: _Interval, duration_s: float) -> dict[str, float]:
    return times_within(interval.start, interval.end, duration_s)
