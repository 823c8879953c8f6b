"""The prompt workflow: given frames -> descriptions -> the user's prompt rewritten as a training caption.

An answer that cannot be used costs the rewriting, never the clip: the user's prompt stands, and the reason is kept. An
endpoint that fails ends the run, because whoever asked for rewriting would get it for some clips and not for others.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mova_core.endpoints.ask import UnusableAnswer, ask
from mova_core.endpoints.endpoint import Endpoint
from mova_core.endpoints.post import Limits
from mova_core.endpoints.question import Question, Schema
from mova_core.places import PROMPTING_CACHE
from mova_core.prompting.caption import CaptionRules, caption_question, check_quotations
from mova_core.prompting.frame_description import FrameDescription, FrameName, description_question
from mova_core.prompting.training_caption import Caption
from mova_core.storage.result_cache import ResultCache


@dataclass(frozen=True, slots=True)
class Exchange:
    """One question as it was sent, and its answer.

    Args:
        url: of the endpoint.
        model: its name there.
        messages: an image stands by the hash of its bytes.
        answer: as it came; None if there is none.
    """

    url: str
    model: str
    messages: list[dict[str, Any]]
    answer: str | None


@dataclass(frozen=True, slots=True)
class Prompting:
    """What became of a prompt.

    Args:
        user_prompt: as the user gave it.
        prompt: the one to generate with.
        reason: why it is the user's own; None where it was rewritten.
        exchanges: with the models.
    """

    user_prompt: str
    prompt: str
    reason: str | None = None
    exchanges: tuple[Exchange, ...] = ()


@dataclass(frozen=True, slots=True)
class PromptRewriter:
    """Rewrites prompts with the endpoints that there are.

    Args:
        llm: language model; None: every prompt stands as it is.
        vlm: vision-language model; None: prompts with a given frame stand as they are.
        limits: of each question.
        cache: folder of accepted answers.
    """

    llm: Endpoint | None
    vlm: Endpoint | None
    limits: Limits = field(default_factory=Limits)
    cache: Path = PROMPTING_CACHE

    @classmethod
    def from_environment(cls) -> "PromptRewriter":
        """With the endpoints that the environment names; UsageError where one is named wrongly."""
        return cls(Endpoint.from_environment("LLM"), Endpoint.from_environment("VLM"))

    def missing(self, has_frames: bool) -> str | None:
        """Why a prompt stands as it is without any question; None if it can be rewritten."""
        if self.llm is None:
            return "MOVA_LLM_URL is not set"
        if has_frames and self.vlm is None:
            return "a frame is given, and MOVA_VLM_URL is not set"
        return None

    def check_reachable(self, *, frames: bool) -> None:
        """Refuse endpoints that do not answer; UsageError names the first.

        Args:
            frames: whether any clip has a given frame.
        """
        for endpoint in (self.llm, self.vlm if frames else None):
            if endpoint is not None:
                endpoint.check_reachable()

    def rewrite(
        self,
        prompt: str,
        frames: Mapping[FrameName, NDArray[np.uint8]],
        rules: CaptionRules,
        too_long: Callable[[str], str | None] = lambda prompt: None,
    ) -> Prompting:
        """Rewrite a prompt, or say why it stands as it is.

        Args:
            prompt: the user's.
            frames: those that are given, uint8 [H, W, 3] RGB.
            rules: of the model that the prompt is for.
            too_long: says of a caption why that model cannot read it, None if it can.

        Raises:
            EndpointError: an endpoint failed.
        """
        exchanges: list[Exchange] = []
        if (reason := self.missing(bool(frames))) is not None:
            return Prompting(prompt, prompt, reason)
        assert self.llm is not None, "else it is missing"
        described: dict[FrameName, FrameDescription] = {}

        def check(caption: Caption) -> None:
            check_quotations(caption, prompt, described)
            if (fault := too_long(caption.merged)) is not None:
                raise UnusableAnswer(fault)

        try:
            for name, frame in frames.items():
                assert self.vlm is not None, "else it is missing"
                described[name] = self._ask(self.vlm, description_question(frame), exchanges)
            caption = self._ask(self.llm, caption_question(prompt, described, rules), exchanges, check)
        except UnusableAnswer as fault:
            return Prompting(prompt, prompt, f"a model's answer cannot be used: {fault}", tuple(exchanges))
        return Prompting(prompt, caption.merged, None, tuple(exchanges))

    def _ask(
        self,
        endpoint: Endpoint,
        question: Question[Schema],
        exchanges: list[Exchange],
        check: Callable[[Schema], object] = lambda answer: None,
    ) -> Schema:
        cache = ResultCache(self.cache.name, self.cache.parent)
        text: str | None = None
        try:
            reply = ask(endpoint, question, cache, check, self.limits)
            text = reply.text
        except UnusableAnswer as fault:
            text = fault.text
            raise
        finally:
            exchanges.append(Exchange(endpoint.url, endpoint.model, question.recorded(), text))
        return reply.answer
