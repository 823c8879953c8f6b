"""Caption one clip: ask for its tracks, have them merged, and say of what there is none why.

The tracks exclude each other: who describes the video gets no audio, who describes the audio no frames, and speech is
what a transcriber writes.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mova_core.curation.caption.models.clip_media import ClipMedia
from mova_core.curation.caption.models.frame_text import frame_text
from mova_core.curation.caption.models.named_endpoint import check_reachable, named_endpoint
from mova_core.curation.caption.models.questions import (
    VisualDescription,
    check_merged,
    check_sound,
    check_visual,
    merge_question,
    sound_question,
    visual_question,
)
from mova_core.curation.caption.models.speech_track import SpeechTrack
from mova_core.endpoints.ask import UnusableAnswer, ask_async
from mova_core.endpoints.endpoint import Endpoint
from mova_core.endpoints.post import Limits
from mova_core.endpoints.question import Question, Schema
from mova_core.endpoints.rate_limit import RateLimit
from mova_core.params import Params
from mova_core.speech.transcript import Transcript
from mova_core.storage.hashing import sha256_json
from mova_core.storage.result_cache import ResultCache

Row = dict[str, Any]
NO_SPEECH_MODEL = "params name no model in caption.models.asr or speech.whisper"


@dataclass(frozen=True, slots=True)
class Measured:
    """What `assess` measured of a clip; None = not known.

    Args:
        speech_share: share of the clip in which somebody speaks.
        text_share: share of its frames with text.
    """

    speech_share: float | None
    text_share: float | None

    @property
    def has_no_speech(self) -> bool:
        """Whether it is known that nobody speaks."""
        return self.speech_share == 0

    @property
    def has_no_text(self) -> bool:
        """Whether it is known that no frame shows text."""
        return self.text_share == 0


@dataclass(frozen=True, slots=True)
class Captioner:
    """The models that write captions.

    Args:
        vlm: vision-language model, describes frames.
        llm: language model, merges the tracks.
        alm: audio language model, describes audio beside speech; None for none.
        answers: those that were accepted before.
        speech: writes what is said; None for none.
        limits: of each question.
        per_minute: requests to each endpoint; None for no limit.
    """

    vlm: Endpoint
    llm: Endpoint
    alm: Endpoint | None
    answers: ResultCache
    speech: SpeechTrack | None = None
    limits: Limits = field(default_factory=Limits)
    per_minute: float | None = None
    _rates: dict[str, RateLimit] = field(default_factory=dict)
    _reader: asyncio.Lock = field(default_factory=asyncio.Lock)  # one reader of text, which takes one clip at a time

    @classmethod
    def from_environment(cls, params: Params, answers: Path) -> "Captioner":
        """With the models that params name, at the endpoints that the environment names.

        Args:
            params: whose sections caption, speech and weights name them.
            answers: folder that keeps what models answered.

        Raises:
            UsageError: an endpoint is not named, has another model or does not answer, or a local model cannot be used.
        """
        models = params.caption.models
        vlm, llm = named_endpoint("VLM", models.vlm), named_endpoint("LLM", models.llm)
        alm, asr = named_endpoint("ALM", models.alm), named_endpoint("ASR", models.asr)
        assert vlm is not None and llm is not None, "params name them"
        check_reachable(vlm, llm, alm, asr)  # before a local model is loaded
        return cls(
            vlm=vlm,
            llm=llm,
            alm=alm,
            answers=ResultCache(answers.name, answers.parent),
            speech=SpeechTrack.of(params, asr, answers),
            per_minute=params.caption.requests.per_minute,
        )

    @property
    def models(self) -> str:
        """The models by name, as a caption is told to be from them."""
        names = [("vlm", self.vlm.model), ("llm", self.llm.model)]
        names += [("alm", self.alm.model)] if self.alm is not None else []
        names += [("asr", self.speech.model)] if self.speech is not None else []
        return ", ".join(f"{kind} {name}" for kind, name in names)

    @property
    def identity(self) -> str:
        """Of all that a caption depends on but the clip and the code."""
        return sha256_json(self.models, None if self.speech is None else self.speech.identity)

    def check_reachable(self) -> None:
        """Refuse endpoints that do not answer; UsageError names the first."""
        check_reachable(self.vlm, self.llm, self.alm, None if self.speech is None else self.speech.endpoint)

    async def caption(self, media: ClipMedia, measured: Measured) -> Row:
        """The columns of a clip's caption.

        Args:
            media: of the clip.
            measured: of it.

        Raises:
            EndpointError: an endpoint does not answer, or not as the protocol says.
            UnusableAnswer: what a model answers is not what was asked for, or breaks a rule of captions.
        """
        unavailable: dict[str, str] = {}
        read = await self._frame_text(media, measured)
        about_video = await asyncio.to_thread(visual_question, media)  # coding frames takes its time
        video = await self._ask(self.vlm, about_video, lambda video: check_visual(video, read))
        sound = await self._sound(media, unavailable)
        transcript = await self._transcript(media, measured, unavailable)
        caption = await self._ask(
            self.llm,
            merge_question(video, transcript, sound),
            lambda merged: check_merged(merged, video, transcript, read),
        )
        return {
            **_visual_columns(video),
            "speech": None if transcript is None else transcript.text,
            "sound": sound,
            "merged": caption.merged,
            "kind": "model",
            "model": self.models,
            "unavailable": unavailable or None,
        }

    async def _frame_text(self, media: ClipMedia, measured: Measured) -> str:
        if measured.has_no_text:
            return ""
        async with self._reader:
            return await asyncio.to_thread(frame_text, media.frames)

    async def _sound(self, media: ClipMedia, unavailable: dict[str, str]) -> str | None:
        if self.alm is None:
            unavailable["sound"] = "params caption.models.alm names no model"
            return None
        described = await self._ask(self.alm, sound_question(media), check_sound)
        if not described.sound.strip():
            unavailable["sound"] = "nothing but speech is audible"
            return None
        return described.sound

    async def _transcript(self, media: ClipMedia, measured: Measured, unavailable: dict[str, str]) -> Transcript | None:
        if measured.has_no_speech:  # models of speech make some up where there is none
            unavailable["speech"] = "nobody speaks"
            return None
        if self.speech is None:
            unavailable["speech"] = NO_SPEECH_MODEL
            return None
        await asyncio.sleep(self._rate("speech").reserve())
        transcript = await self.speech.transcript(media)
        if transcript is None or not transcript.text:
            unavailable["speech"] = "nothing is said"
            return None
        return transcript

    async def _ask(self, endpoint: Endpoint, question: Question[Schema], check: Callable[[Schema], object]) -> Schema:
        try:
            rate = self._rate(endpoint.url)
            return (await ask_async(endpoint, question, self.answers, check, self.limits, rate)).answer
        except UnusableAnswer as fault:
            raise UnusableAnswer(f"the {question.name} cannot be used: {fault}", fault.text) from None

    def _rate(self, endpoint: str) -> RateLimit:
        return self._rates.setdefault(endpoint, RateLimit(self.per_minute))


def _visual_columns(video: VisualDescription) -> Row:
    return {"visual": video.visual, "on_screen_text": list(video.on_screen_text)}
