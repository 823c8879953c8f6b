"""Prompts of a request rewritten before anything is generated."""

from collections.abc import Callable
from dataclasses import replace

from mova_core.errors import UsageError
from mova_core.model.pretrained.index import FolderIndex
from mova_core.model.text.prompt import check_prompt
from mova_core.progress import track
from mova_core.prompting.caption import CaptionRules
from mova_core.prompting.frame_description import FrameName
from mova_core.prompting.rewrite import Prompting, PromptRewriter
from mova_core.sampling.inputs import ClipInputs, Frame
from mova_core.sampling.request.request import Clip, Request

TOKENS_A_WORD = 2  # of the released text encoder: enough for names and most languages
BYTES_A_WORD = 7  # nano's tokens are bytes
MOST_PHRASES = 50  # of the training captions, the most frequent: what a language model is told of them


def with_rewritten_prompts(request: Request, rewriter: PromptRewriter) -> Request:
    """The request with its prompts rewritten where they can be; a warning says of the others why they cannot.

    Args:
        request: checked.
        rewriter: with the endpoints that there are.

    Raises:
        UsageError: an endpoint does not answer at all.
        EndpointError: an endpoint failed while it was asked.
    """
    index = request.index
    rewriter.check_reachable(frames=any(given_frames(clip.inputs) for clip in request.clips))
    rules, too_long = caption_rules(index), length_check(index)

    def rewritten(clip: Clip) -> Clip:
        inputs = clip.inputs
        prompting = rewriter.rewrite(inputs.prompt, given_frames(inputs), rules, too_long)
        return replace(clip, inputs=replace(inputs, prompt=prompting.prompt), prompting=prompting)

    clips = tuple(rewritten(clip) for clip in track(request.clips, len(request.clips), "rewrite"))
    before, after = (index.prompts_warning([clip.inputs.prompt for clip in some]) for some in (request.clips, clips))
    others = [warning for warning in request.warnings if warning != before]
    warnings = [*others, *(_warning(clip) for clip in clips), after]
    return replace(request, clips=clips, warnings=tuple(dict.fromkeys(filter(None, warnings))))


def given_frames(inputs: ClipInputs) -> dict[FrameName, Frame]:
    """The frames that a clip must begin and end with, as far as they are given; of a given video, its first."""
    first = inputs.video[0] if inputs.image is None and inputs.video is not None else inputs.image
    named: dict[FrameName, Frame | None] = {"first_frame": first, "last_frame": inputs.last_image}
    return {name: frame for name, frame in named.items() if frame is not None}


def caption_rules(index: FolderIndex) -> CaptionRules:
    """What a model's captions are like."""
    words = index.max_tokens // (BYTES_A_WORD if index.has_nano_text else TOKENS_A_WORD)
    return CaptionRules(words, index.fields.get("trained_on", ())[:MOST_PHRASES])


def length_check(index: FolderIndex) -> Callable[[str], str | None]:
    """Function that says of a prompt why a model cannot read it, None if it can."""
    count = index.token_counter()

    def too_long(prompt: str) -> str | None:
        try:
            check_prompt(prompt, count(prompt), index.max_tokens)
        except UsageError as error:
            return str(error)
        return None

    return too_long


def _warning(clip: Clip) -> str | None:
    prompting: Prompting | None = clip.prompting
    if prompting is None or prompting.reason is None:
        return None
    return f"the prompt {prompting.user_prompt[:60]!r} is used as it is: {prompting.reason}"
