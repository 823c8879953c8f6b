"""Generates the clips of a suite as files, apart from measuring them, and keeps those that are there already.

    OUT/clips/NAME.mp4           as `mova generate` writes it, with its provenance (.mkv where it is lossless)
    OUT/clips/NAME.mp4.sha256    of its bytes, a line as `sha256sum -c` reads it; written last
A clip is kept where its bytes have that sha256 and its provenance is the one it would get now: checkpoint, adapters,
prompts, seed, settings, given files, device and versions. So a run that was killed goes on, and a changed setting makes
every clip anew. Each clip is generated alone: it is the same bytes whatever else is generated with it or before it, so
the clips of several processes, each with its shard, are those of one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mova_core.curation.engine.base import Engine
from mova_core.curation.engine.run import run
from mova_core.errors import MediaError, MovaError, UsageError
from mova_core.evaluation.generating.generation import Generation
from mova_core.evaluation.generating.make_clip import (
    WORK,
    ClipTask,
    Made,
    ModelOfWorkers,
    checksum_line,
    checksum_of,
    inputs_of,
    make_clip,
    make_in_worker,
    remove_clip,
    with_whole_paths,
)
from mova_core.evaluation.suites.item import SuiteItem
from mova_core.media.provenance import Provenance, read_provenance
from mova_core.params import Limits
from mova_core.progress import track
from mova_core.sampling.plan.check import check_memory
from mova_core.sampling.request.recipe import recipe_of
from mova_core.sampling.request.request import Request
from mova_core.sampling.request.rewritten_prompts import length_check
from mova_core.sampling.request.wanted import Wanted
from mova_core.storage.hashing import sha256_file

CLIPS_FOLDER = "clips"


@dataclass(frozen=True, slots=True)
class Workers:
    """Processes that generate.

    Args:
        engine: where they run, and what each holds.
        limits: of one clip, where the engine's resources say nothing else; the first one loads the model too.
    """

    engine: Engine
    limits: Limits


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
    items: Sequence[SuiteItem],
    folder: Path,
    checkpoint_id: str,
    out: Path,
    generation: Generation,
    workers: Workers | None = None,
) -> Generated:
    """Generate what is not there of a suite.

    Args:
        items: of the suite, or of a shard of it.
        folder: of the model.
        checkpoint_id: of its weights.
        out: folder of the evaluation.
        generation: how.
        workers: that generate, each with the model; None: this process does.

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
        remove_clip(request.path_of(Wanted(name, ""), clips_folder))
    missing = [
        clip
        for clip in wanted
        if not is_kept(request.path_of(clip, clips_folder), _provenance(request, checkpoint_id, clip))
    ]
    warnings = list(request.warnings)
    if missing:
        check_memory(request.index, request.settings, request.runtime)
        if workers is None:
            made = _made_here(request, missing, clips_folder, checkpoint_id)
        else:
            model = ModelOfWorkers(folder.resolve(), checkpoint_id, generation.with_whole_paths())
            made = _made_by_workers(model, missing, clips_folder, workers)
        for clip, done in made:
            if done.failed is not None:
                failed[clip.name] = done.failed
            warnings += done.warnings
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
    checksum = checksum_of(path)
    if not path.is_file() or not checksum.is_file():
        return False
    if checksum.read_text(encoding="utf-8") != checksum_line(path):
        return False
    try:
        found = read_provenance(path)
    except MediaError:
        return False
    return found is not None and replace(found, tries=()) == expected


def _made_here(
    request: Request, missing: Sequence[Wanted], out: Path, checkpoint_id: str
) -> Iterator[tuple[Wanted, Made]]:
    """Each clip once it is made, or why it is not."""
    from mova_core.sampling.conditioning.extend import piece_seeds  # torch only from here on
    from mova_core.sampling.generate import StepProgress, load_generator

    generator = load_generator(request, request.runtime)
    progress = StepProgress(sum(len(piece_seeds(inputs_of(clip))) for clip in missing) * request.settings.steps)
    for clip in missing:
        yield clip, make_clip(generator, request, clip, out, checkpoint_id, progress)
    progress.end()


def _made_by_workers(
    model: ModelOfWorkers, missing: Sequence[Wanted], out: Path, workers: Workers
) -> Iterator[tuple[Wanted, Made]]:
    """The same, in worker processes that each hold the model."""
    tasks = [ClipTask(model, with_whole_paths(clip), out.resolve()) for clip in missing]
    engine = replace(workers.engine, workers=min(workers.engine.workers, len(tasks)))
    results = run(make_in_worker, tasks, engine=engine, limits=workers.limits, preload=("torch", WORK))
    for clip, result in zip(missing, track(results, len(tasks), "generate"), strict=True):
        yield clip, Made(result.reason) if result.failed else Made(*result.value)


def _provenance(request: Request, checkpoint_id: str, clip: Wanted) -> Provenance:
    """The provenance that a clip gets which is made now, with its own seed."""
    from mova_core.model.placement import by_kind  # torch, which says which device there is

    digests = {name: sha256_file(path) for name, path in clip.given.files.items()}
    computed_on = by_kind(request.runtime)
    recipe = recipe_of(inputs_of(clip), digests, request.negative_prompt, request.settings, computed_on)
    return Provenance(checkpoint_id, request.loras, recipe)
