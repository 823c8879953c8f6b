"""A suite's prompts rewritten as training captions, as `mova generate --rewrite-prompt` does it.

The model is given the rewritten prompt; metrics compare the clip with the suite's own. Accepted answers are kept, so a
rerun generates from the same prompts.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mova_core.evaluation.suites.item import SuiteItem
from mova_core.media.image import read_image
from mova_core.model.pretrained.index import FolderIndex
from mova_core.progress import track
from mova_core.prompting.frame_description import FrameName
from mova_core.prompting.rewrite import PromptRewriter
from mova_core.sampling.inputs import Frame
from mova_core.sampling.request.rewritten_prompts import caption_rules, length_check
from mova_core.sampling.request.wanted import Wanted


def with_rewritten_prompts(
    items: Sequence[SuiteItem], index: FolderIndex, rewriter: PromptRewriter
) -> tuple[tuple[SuiteItem, ...], dict[str, str]]:
    """The items with rewritten prompts, and of the others, which stay as they are, the reason by name.

    Args:
        items: of a suite; a video that one is given is not described.
        index: of the model that is to read the prompts.
        rewriter: with the endpoints that there are.

    Raises:
        UsageError: an endpoint does not answer at all, or an image cannot be read.
        EndpointError: an endpoint failed while it was asked.
    """
    rewriter.check_reachable(frames=any(item.wanted.given.image or item.wanted.given.last_image for item in items))
    rules, too_long = caption_rules(index), length_check(index)
    made, reasons = [], dict[str, str]()
    for item in track(items, len(items), "rewrite"):
        prompting = rewriter.rewrite(item.wanted.prompt, _frames(item.wanted), rules, too_long)
        if prompting.reason is not None:
            reasons[item.name] = prompting.reason
        made.append(replace(item, wanted=replace(item.wanted, prompt=prompting.prompt)))
    return tuple(made), reasons


def _frames(wanted: Wanted) -> dict[FrameName, Frame]:
    """The frames that a clip must begin and end with, as far as they are given."""
    paths: dict[FrameName, Path | None] = {"first_frame": wanted.given.image, "last_frame": wanted.given.last_image}
    return {name: read_image(path) for name, path in paths.items() if path is not None}
