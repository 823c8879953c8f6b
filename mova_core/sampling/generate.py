"""`mova generate`: run a checked request and write its clips."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from mova_core.geometry import ClipGeometry
from mova_core.media.provenance import Provenance, Try
from mova_core.model.model_folder import load_components
from mova_core.params.runtime import RuntimeParams
from mova_core.printable import printable
from mova_core.progress import track
from mova_core.sampling.branch_parallel.processes import BranchParallel
from mova_core.sampling.branch_parallel.second_process import second_process
from mova_core.sampling.clip_file import Loudness, write_audio
from mova_core.sampling.clip_generator import ClipGenerator
from mova_core.sampling.collapse.reseed import collapsed, generate_guarded, told
from mova_core.sampling.conditioning.extend import piece_seeds
from mova_core.sampling.inputs import Frames, Waveform
from mova_core.sampling.request.like import check_same
from mova_core.sampling.request.prompting_record import record_path, write_record
from mova_core.sampling.request.recipe import recipe_of
from mova_core.sampling.request.request import Clip, Request
from mova_core.sampling.sampler import Watcher
from mova_core.sampling.settings import GenerateSettings
from mova_core.sampling.written_clip import loudness_warning, write_generated
from mova_core.storage.atomic import atomic_path


def generate(request: Request, checkpoint_id: str) -> dict[str, Any]:
    """Generate the clips of a request, batch by batch, each file whole or not there.

    Args:
        request: what to generate, with which model folder.
        checkpoint_id: of that folder; it is written into each clip as its provenance.

    Returns:
        Summary: the files, and how the clips were made.

    Raises:
        MovaError: the model folder is damaged, a place cannot be written to, or the second process has failed.
    """
    if request.second is None:
        return _generate(request, checkpoint_id, load_generator(request, request.runtime))
    with second_process(_follow, request, request.second) as parallel:
        return _generate(request, checkpoint_id, load_generator(request, request.runtime, parallel))


def _generate(request: Request, checkpoint_id: str, generator: ClipGenerator) -> dict[str, Any]:
    warn(request.warnings)
    batches = list(request.batches())
    progress = StepProgress(sum(len(piece_seeds(batch[0].inputs)) for batch in batches) * request.settings.steps)
    done = [each for batch in batches for each in generate_batch(generator, request, batch, checkpoint_id, progress)]
    progress.end()
    if request.same_as is not None:
        check_same(request.clips[0].path, request.same_as)
    by_path = {each.clip.path: each for each in done}
    done = [by_path[clip.path] for clip in request.clips]  # as they were asked for
    found = [warning for each in done for warning in each.warnings(request.settings)]
    warn(found)
    return {
        "clips": [each.described() for each in done],
        "reseeded": sum(bool(each.tries) and not collapsed(each.tries) for each in done),
        "collapsed": sum(collapsed(each.tries) for each in done),
        "checkpoint_id": checkpoint_id,
        "loras": [asdict(lora) for lora in request.loras],
        "settings": request.settings.model_dump(),
        "duration_s": request.settings.clip_geometry.duration_s,
        "warnings": [*request.warnings, *found],
        "text": "\n".join(each.told() for each in done),
    }


def generate_batch(
    generator: ClipGenerator, request: Request, batch: Sequence[Clip], checkpoint_id: str, progress: "StepProgress"
) -> Iterator["Done"]:
    """Generate a batch and write its files.

    Args:
        generator: of the request's model.
        request: with the settings.
        batch: clips that are alike.
        checkpoint_id: of the model.
        progress: told of each step.
    """
    settings, negative_prompt = request.settings, request.negative_prompt
    rate_hz = settings.clip_geometry.audio_rate_hz
    inputs = [clip.inputs for clip in batch for _ in range(request.copies)]

    def on_reseed(index: int, tried: Try) -> None:
        progress.add(settings.steps * len(piece_seeds(inputs[index])))
        path = batch[index // request.copies].path
        warn([f"{path}: seed {tried.seed} collapsed ({' and '.join(tried.faults)}), trying another"])

    output = generate_guarded(
        generator,
        inputs,
        settings,
        negative_prompt=negative_prompt,
        watcher=Watcher(on_step=progress.step),
        on_reseed=on_reseed,
    )
    nothing = [None] * len(inputs)  # of a modality that the clips have not
    rows = (output.videos or nothing, output.audios or nothing, output.tries)
    made = (row[:: request.copies] for row in rows)
    for clip, video, audio, tries in zip(batch, *made, strict=True):
        write_record(clip)
        recipe = recipe_of(clip.inputs, clip.digests, negative_prompt, settings, generator.computed_on, len(inputs))
        provenance = Provenance(checkpoint_id, request.loras, recipe, tries)
        loudness = write_generated(clip.path, video, audio, output.geometry, settings, provenance)
        if clip.audio_out is not None and audio is not None:
            with atomic_path(clip.audio_out) as temporary:
                write_audio(temporary, audio, rate_hz)
        yield Done(clip, tries, loudness, _length(video, audio, output.geometry))


@dataclass(frozen=True, slots=True)
class Done:
    """A clip that is written, and what there is to say of it."""

    clip: Clip
    tries: tuple[Try, ...]
    loudness: Loudness | None
    length: str

    @property
    def notes(self) -> list[str]:
        """What was done with what is given, and which seeds the pieces of an extended clip have."""
        seeds = self.piece_seeds
        return [*self.clip.notes, *([f"seeds of the pieces made: {', '.join(map(str, seeds))}"] if seeds else [])]

    @property
    def piece_seeds(self) -> list[int]:
        """Of an extended clip."""
        inputs = self.clip.inputs
        seed = self.tries[-1].seed if self.tries and not collapsed(self.tries) else inputs.seed
        return piece_seeds(replace(inputs, seed=seed)) if inputs.extend else []

    def warnings(self, settings: GenerateSettings) -> list[str]:
        """What became of its seed, and of its loudness, where that is to be told."""
        reseeded = told(self.tries)
        too_quiet = loudness_warning(str(self.clip.path), self.loudness, settings)
        return [*([] if reseeded is None else [f"{self.clip.path}: {reseeded}"]), *filter(None, [too_quiet])]

    def described(self) -> dict[str, Any]:
        """As it stands in the command's summary."""
        clip = self.clip
        described = {"path": str(clip.path), "prompt": clip.inputs.prompt, "seed": clip.inputs.seed}
        if clip.notes:
            described["notes"] = list(clip.notes)
        if self.piece_seeds:
            described |= {"piece_seeds": self.piece_seeds, "length": self.length}
        if self.tries:
            described["tries"] = [asdict(tried) for tried in self.tries]
        if self.loudness is not None:
            described |= asdict(self.loudness)
        if (prompting := clip.prompting) is not None:
            rewritten, record = prompting.reason is None, str(record_path(clip.path))
            described["prompting"] = {"user_prompt": prompting.user_prompt, "rewritten": rewritten, "record": record}
        return described

    def told(self) -> str:
        """As a person reads it."""
        clip = self.clip
        line = "\n  ".join([f"{clip.path}: {self.length}, seed {clip.inputs.seed}", *self.notes])
        if clip.prompting is None or clip.prompting.reason is not None:
            return line
        return f"{line}\n  prompt, rewritten: {printable(clip.inputs.prompt)}"


def _length(video: Frames | None, audio: Waveform | None, geometry: ClipGeometry) -> str:
    frames = [] if video is None else [f"{len(video)} frames at {geometry.fps} a second"]
    samples = [] if audio is None else [f"{len(audio)} samples at {geometry.audio_rate_hz} Hz"]
    return ", ".join(frames + samples)


class StepProgress:
    """A bar over the steps of a request, which begins anew with what is left where further seeds add to them."""

    def __init__(self, steps: int) -> None:
        self._start(steps)

    def step(self, done: int) -> None:
        """One step is done."""
        self._left -= 1
        next(self._bar, None)

    def add(self, steps: int) -> None:
        """So many steps more than were expected."""
        self._bar.close()
        self._start(self._left + steps)

    def end(self) -> None:
        """All steps are done."""
        next(self._bar, None)  # past the last item: the bar is closed

    def _start(self, steps: int) -> None:
        self._left, self._bar = steps, track(range(steps), steps, "generate")


def _follow(parallel: BranchParallel, request: Request, runtime: RuntimeParams) -> None:
    """What the second process does: it holds the same model, and makes and writes no clip."""
    load_generator(request, runtime).follow(parallel)


def load_generator(request: Request, runtime: RuntimeParams, parallel: BranchParallel | None = None) -> ClipGenerator:
    """The request's model with its adapters; errors as of `generate`."""
    model = load_components(request.folder)
    if request.adapters:
        from mova_core.model.lora.loaded import LoadedAdapters  # peft, which takes seconds, only where it is used

        LoadedAdapters.of(model.towers, request.adapters)
    return ClipGenerator.of(model, runtime, parallel)


def warn(warnings: Iterable[str]) -> None:
    """Print sentences as warnings."""
    for warning in warnings:
        print(f"warning: {warning}", file=sys.stderr)
