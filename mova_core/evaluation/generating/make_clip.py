"""Makes one clip of a suite and states its sha256: here, or in a worker, which loads its model once.

Light: torch is imported where a clip is made.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mova_core.errors import UsageError
from mova_core.evaluation.generating.generation import Generation
from mova_core.sampling.inputs import ClipInputs
from mova_core.sampling.output_format import OUTPUT_FORMATS
from mova_core.sampling.request.like import remember_sources
from mova_core.sampling.request.request import Request
from mova_core.sampling.request.wanted import Wanted
from mova_core.storage.atomic import clear_temporary, write_text
from mova_core.storage.hashing import sha256_file

if TYPE_CHECKING:  # torch
    from mova_core.sampling.clip_generator import ClipGenerator
    from mova_core.sampling.generate import StepProgress

WORK = "mova_core.evaluation.generating.make_clip"
CHECKSUM_SUFFIX = ".sha256"


@dataclass(frozen=True, slots=True)
class Made:
    """What became of a clip.

    Args:
        failed: why there is none; None where it is written.
        warnings: sentences about it.
    """

    failed: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelOfWorkers:
    """What a worker loads once: a model folder, the id of its weights, and how it generates; every path is absolute."""

    folder: Path
    checkpoint_id: str
    generation: Generation


@dataclass(frozen=True, slots=True)
class ClipTask:
    """One clip for a worker; every path is absolute."""

    model: ModelOfWorkers
    wanted: Wanted
    out: Path


def make_clip(
    generator: "ClipGenerator",
    request: Request,
    wanted: Wanted,
    out: Path,
    checkpoint_id: str,
    progress: "StepProgress",
) -> Made:
    """Generate a clip alone, in place of an earlier one of its name.

    Args:
        generator: of the request's model.
        request: checked for this clip.
        wanted: the clip.
        out: folder of the clips.
        checkpoint_id: of the model.
        progress: told of each step.
    """
    from mova_core.sampling.generate import generate_batch
    from mova_core.sampling.sampler import NotFinite

    path = request.path_of(wanted, out)
    remove_clip(path)
    try:
        alone = request.with_clips([wanted], out)
        remember_sources(alone, checkpoint_id)
        (done,) = generate_batch(generator, alone, alone.clips, checkpoint_id, progress)
    except (NotFinite, UsageError) as error:  # the second: a given file that cannot be read
        return Made(str(error))
    write_text(checksum_of(path), checksum_line(path))
    return Made(warnings=tuple(done.warnings(request.settings)))


_kept: tuple[ModelOfWorkers, Request, Any] | None = None  # of this worker


def make_in_worker(task: ClipTask) -> tuple[str | None, tuple[str, ...]]:
    """The work of a worker: fields of `Made`; errors as of `Request.check`."""
    from mova_core.sampling.generate import StepProgress, load_generator

    global _kept
    if _kept is None or _kept[0] != task.model:
        request = task.model.generation.request(task.model.folder)
        _kept = task.model, request, load_generator(request, request.runtime)
    _, request, generator = _kept
    made = make_clip(generator, request, task.wanted, task.out, task.model.checkpoint_id, StepProgress(0))
    return made.failed, made.warnings


def with_whole_paths(wanted: Wanted) -> Wanted:
    """The same clip for a process with another working folder."""
    files = {name: path.resolve() for name, path in wanted.given.files.items()}
    return replace(wanted, given=wanted.given.model_copy(update=files))


def inputs_of(wanted: Wanted) -> ClipInputs:
    """What a clip is made from, without its files."""
    given = wanted.given
    return ClipInputs(wanted.prompt, wanted.seed, only=given.only, extend=given.extend or 0, retake=given.retake)


def remove_clip(path: Path) -> None:
    """Remove an earlier clip of the same name, in whatever format, and what a killed run left of one."""
    clear_temporary(path.parent, path.name)
    for codec in OUTPUT_FORMATS.values():
        for file in (earlier := path.with_suffix(codec.suffix), checksum_of(earlier)):
            file.unlink(missing_ok=True)


def checksum_of(path: Path) -> Path:
    """The file that states a clip's sha256."""
    return path.with_name(path.name + CHECKSUM_SUFFIX)


def checksum_line(path: Path) -> str:
    """What it holds, as `sha256sum -c` reads it."""
    return f"{sha256_file(path)}  {path.name}\n"
