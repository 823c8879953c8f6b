"""Which clips of a folder were made from which prompt: what `mova arena add` pairs contenders by.

The prompts are those of a suite's file, as `mova generate --prompts` and `mova evaluate --suite` read and name them
(NAME.mp4, or 00000.mp4 and so on); without one those of the evaluation whose folder it is (metrics.json names samples
and prompts); else each clip's own provenance.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ValidationError

from mova_core.errors import MediaError, UsageError
from mova_core.evaluation.suites.suite_file import read_suite
from mova_core.media.provenance import read_provenance
from mova_core.registry.manifests import METRICS_FILE

SUFFIX = ".mp4"


@dataclass(frozen=True, slots=True)
class PromptedClip:
    """A file, and what it was made from; it may be missing."""

    path: Path
    prompt: str

    def lies_in(self, folder: Path) -> bool:
        """Whether the file is there, and in the folder once links are followed."""
        return self.path.is_file() and self.path.resolve().is_relative_to(folder.resolve())


class _Sample(BaseModel):
    path: str
    prompt: str


class _Evaluation(BaseModel):
    """Of metrics.json what is read here."""

    samples: list[_Sample]


def prompted_clips(folder: Path, prompts: Path | None) -> list[PromptedClip]:
    """The clips that a folder should hold with their prompts, in the order of the prompts or of their names.

    Raises:
        UsageError: no such folder, no clip of the prompts in it, or a clip whose prompt nothing tells.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder, expected one of {SUFFIX} files")
    if prompts is not None:
        found = [(folder / f"{item.name}{SUFFIX}", item.wanted.prompt) for item in read_suite(prompts)]
    elif (folder / METRICS_FILE).is_file():
        found = [(folder / sample.path, sample.prompt) for sample in _evaluation(folder / METRICS_FILE).samples]
    else:
        found = [(path, _own_prompt(path)) for path in sorted(folder.glob(f"*{SUFFIX}"))]
    clips = [PromptedClip(path, prompt) for path, prompt in found]
    if not any(clip.lies_in(folder) for clip in clips):
        expected = f"{found[0][0]} and so on" if found else f"{SUFFIX} files"
        raise UsageError(f"{folder} has no clip to add, expected {expected}")
    return clips


def _evaluation(path: Path) -> _Evaluation:
    try:
        return _Evaluation.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, ValidationError) as error:
        raise UsageError(f"{path} is not of an evaluation ({error}): name the prompts by --prompts") from None


def _own_prompt(path: Path) -> str:
    try:
        provenance = read_provenance(path)
    except MediaError as error:
        raise UsageError(f"{error}; name the prompts by --prompts FILE.jsonl") from None
    if provenance is None or provenance.recipe is None:
        raise UsageError(f"{path} does not say what it was made from: name the prompts by --prompts FILE.jsonl")
    return provenance.recipe.prompt
