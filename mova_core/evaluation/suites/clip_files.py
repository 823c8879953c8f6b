"""Generates the clips of a suite as files, apart from measuring them, and keeps those that are there already.

    OUT/clips/NAME.mp4           as `mova generate` writes it, with its provenance (.mkv where it is lossless)
    OUT/clips/NAME.mp4.sha256    of its bytes, a line as `sha256sum -c` reads it; written last
A clip is kept where its bytes have that sha256 and its provenance is the one it would get now: checkpoint, adapters,
prompts, seed, settings, given files, device and versions. So a run that was killed goes on, and a changed setting makes
every clip anew. Each clip is generated alone: it is the same bytes whatever else is generated with it or before it, so
the clips of several processes, each with its shard, are those of one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mova_core.errors import MediaError, MovaError, UsageError
from mova_core.evaluation.suites.item import SuiteItem
from mova_core.media.image import read_image
from mova_core.media.provenance import Provenance, read_provenance
from mova_core.sampling.inputs import ClipInputs
from mova_core.sampling.output_format import OUTPUT_FORMATS
from mova_core.sampling.plan.check import check_memory
from mova_core.sampling.request.like import remember_sources
from mova_core.sampling.request.recipe import recipe_of
from mova_core.sampling.request.request import Request
from mova_core.sampling.request.rewritten_prompts import length_check
from mova_core.sampling.request.wanted import Wanted
from mova_core.storage.atomic import clear_temporary, write_text
from mova_core.storage.hashing import sha256_file

if TYPE_CHECKING:  # torch
    from mova_core.sampling.generate import Done

CLIPS_FOLDER = "clips"
CHECKSUM_SUFFIX = ".sha256"


@dataclass(frozen=True, slots=True)
class Generation:
    """How clips are generated, as options of `mova generate` say it.

    Args:
        changes: fields of `GenerateSettings` that differ from the model folder's defaults.
        negative_prompt: text of the unconditional forwards.
        loras: path and weight of each LoRA adapter.
        runtime: fields of `RuntimeParams`.
    """

    changes: Mapping[str, Any] = field(default_factory=dict)
    negative_prompt: str = ""
    loras: Sequence[tuple[Path, float]] = ()
    runtime: Mapping[str, Any] = field(default_factory=dict)

    def request(self, folder: Path) -> Request:
        """A checked request for no clips yet; errors as of `Request.check`."""
        return Request.of_model(folder, self.negative_prompt, self.changes, self.loras, self.runtime)

    def check(self, request: Request, wanted: Sequence[Wanted], out: Path) -> Request:
        """Refuse clips that cannot be asked for, before torch is loaded; errors as of `Request.check`.

        Args:
            request: of the model.
            wanted: all clips.
            out: folder of the clips.

        Returns:
            The request with what is to be told of these clips.
        """
        request.check_wanted(wanted, out, self.changes)
        images = {image for clip in wanted for image in (clip.given.image, clip.given.last_image) if image is not None}
        for image in sorted(images):
            read_image(image)  # refused now, not hours later
        warning = request.index.prompts_warning([clip.prompt for clip in wanted])
        return request if warning is None else replace(request, warnings=(*request.warnings, warning))


@dataclass(frozen=True, slots=True)
class Generated:
    """What became of the clips of a suite, or of a shard of it.

    Args:
        clips: how many were asked for.
        kept: how many of them were there already.
        failed: name -> why there is no clip.
        reseeded: name -> seed that it was generated with in place of its own, which collapsed.
        collapsed: names of those that collapsed with every seed that was tried.
        warnings: sentences.
        request: how they were asked for.
    """

    clips: int
    kept: int
    failed: Mapping[str, str]
    reseeded: Mapping[str, int]
    collapsed: Sequence[str]
    warnings: Sequence[str]
    request: Request


def generate_clips(
    items: Sequence[SuiteItem], folder: Path, checkpoint_id: str, out: Path, generation: Generation
) -> Generated:
    """Generate what is not there of a suite.

    Args:
        items: of the suite, or of a shard of it.
        folder: of the model.
        checkpoint_id: of its weights.
        out: folder of the evaluation.
        generation: how.

    Raises:
        UsageError, StaleError: as of `Request.check`; a prompt that is too long for the model costs its own clip alone,
            unless all are.
        MovaError: a place cannot be written to, or not one clip could be generated.
    """
    clips_folder, request = out / CLIPS_FOLDER, generation.request(folder)
    too_long = length_check(request.index)
    failed = {item.name: reason for item in items if (reason := too_long(item.wanted.prompt)) is not None}
    wanted = [item.wanted for item in items if item.name not in failed]
    if failed and not wanted:
        raise UsageError(next(iter(failed.values())))
    request = generation.check(request, wanted, clips_folder)
    for name in failed:
        _remove(request.path_of(Wanted(name, ""), clips_folder))
    missing = [
        clip
        for clip in wanted
        if not is_kept(request.path_of(clip, clips_folder), _provenance(request, checkpoint_id, clip))
    ]
    warnings = list(request.warnings)
    if missing:
        check_memory(request.index, request.settings, request.runtime)
        for clip, done in _made(request, missing, clips_folder, checkpoint_id):
            if isinstance(done, str):
                failed[clip.name] = done
            else:
                write_text(_checksum_of(done.clip.path), _line(done.clip.path))
                warnings += done.warnings(request.settings)
    if failed and len(failed) == len(items):
        raise MovaError(f"no clip of the suite could be generated: {next(iter(failed.values()))}")
    tries = {
        clip.name: provenance.tries
        for clip in wanted
        if clip.name not in failed and (provenance := read_provenance(request.path_of(clip, clips_folder))) is not None
    }
    return Generated(
        len(items),
        len(wanted) - len(missing),
        failed,
        {name: last[-1].seed for name, last in tries.items() if last and not last[-1].faults},
        [name for name, last in tries.items() if last and last[-1].faults],
        warnings,
        request,
    )


def is_kept(path: Path, expected: Provenance) -> bool:
    """Whether a clip is whole and the one that would be made now."""
    checksum = _checksum_of(path)
    if not path.is_file() or not checksum.is_file():
        return False
    if checksum.read_text(encoding="utf-8") != _line(path):
        return False
    try:
        found = read_provenance(path)
    except MediaError:
        return False
    return found is not None and replace(found, tries=()) == expected


def _made(
    request: Request, missing: Sequence[Wanted], out: Path, checkpoint_id: str
) -> Iterator[tuple[Wanted, "Done | str"]]:
    """Each clip as it is written, or why it is not."""
    from mova_core.sampling.conditioning.extend import piece_seeds  # torch only from here on
    from mova_core.sampling.generate import StepProgress, generate_batch, load_generator
    from mova_core.sampling.sampler import NotFinite

    def steps(clip: Wanted) -> int:
        return len(piece_seeds(_inputs(clip))) * request.settings.steps

    generator = load_generator(request, request.runtime)
    progress = StepProgress(sum(map(steps, missing)))
    for clip in missing:
        alone = request.with_clips([clip], out)
        remember_sources(alone, checkpoint_id)
        _remove(alone.clips[0].path)
        try:
            (done,) = generate_batch(generator, alone, alone.clips, checkpoint_id, progress)
        except NotFinite as error:
            yield clip, str(error)
        else:
            yield clip, done
    progress.end()


def _remove(path: Path) -> None:
    """Remove an earlier clip of the same name, in whatever format, and what a killed run left of one."""
    clear_temporary(path.parent, path.name)
    for codec in OUTPUT_FORMATS.values():
        for file in (earlier := path.with_suffix(codec.suffix), _checksum_of(earlier)):
            file.unlink(missing_ok=True)


def _provenance(request: Request, checkpoint_id: str, clip: Wanted) -> Provenance:
    """The provenance that a clip gets which is made now, with its own seed."""
    from mova_core.model.placement import by_kind  # torch, which says which device there is

    digests = {name: sha256_file(path) for name, path in clip.given.files.items()}
    computed_on = by_kind(request.runtime)
    recipe = recipe_of(_inputs(clip), digests, request.negative_prompt, request.settings, computed_on)
    return Provenance(checkpoint_id, request.loras, recipe)


def _inputs(clip: Wanted) -> ClipInputs:
    """What a clip is made from, without its files."""
    given = clip.given
    return ClipInputs(clip.prompt, clip.seed, only=given.only, extend=given.extend or 0, retake=given.retake)


def _checksum_of(path: Path) -> Path:
    return path.with_name(path.name + CHECKSUM_SUFFIX)


def _line(path: Path) -> str:
    return f"{sha256_file(path)}  {path.name}\n"
