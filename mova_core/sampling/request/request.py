"""A request of `mova generate`; every field is checked before torch is loaded."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mova_core.devices import check_there, device_beside
from mova_core.errors import UsageError
from mova_core.media.provenance import LoraUsed
from mova_core.model.lora.lora_file import WeightedLora
from mova_core.model.pretrained.index import FolderIndex
from mova_core.params.runtime import ON_ANY_DEVICE, PARTS, RuntimeParams
from mova_core.sampling.inputs import ClipInputs
from mova_core.sampling.plan.check import check_memory
from mova_core.sampling.request.read_inputs import read_inputs
from mova_core.sampling.request.wanted import Wanted
from mova_core.sampling.retake import retaken
from mova_core.sampling.settings import MODALITIES, GenerateSettings, check_guided
from mova_core.sampling.tasks import CLIP_TASKS
from mova_core.storage.atomic import make_folder
from mova_core.storage.hashing import sha256_file

if TYPE_CHECKING:
    from mova_core.prompting.rewrite import Prompting

TOKENS_AT_ONCE = 4096  # video tokens generated together: more clips at once cost memory and gain nothing


@dataclass(frozen=True, slots=True)
class GivenFile:
    """A file that a clip is made from.

    Args:
        path: where it lies.
        sha256: of its bytes.
    """

    path: Path
    sha256: str


@dataclass(frozen=True, slots=True)
class Clip:
    """One clip to make, its inputs read.

    Args:
        path: where it is written.
        inputs: what it is made from.
        prompting: how its prompt came about, where rewriting was asked for.
        given: the files among them, by field of `ClipInputs`.
        audio_out: WAV file that its audio is written into as well.
        notes: what was done with what is given, a sentence each.
    """

    path: Path
    inputs: ClipInputs
    prompting: "Prompting | None" = None
    given: Mapping[str, GivenFile] = field(default_factory=dict)
    audio_out: Path | None = None
    notes: tuple[str, ...] = ()

    @property
    def digests(self) -> dict[str, str]:
        """Sha256 of the given files, by field of `ClipInputs`."""
        return {name: file.sha256 for name, file in self.given.items()}


@dataclass(frozen=True, slots=True)
class Request:
    """What to generate, and with what.

    Args:
        folder: of the model.
        index: of that folder, with the phrases that an adapter was trained on.
        settings: for every clip.
        negative_prompt: text of the unconditional forwards.
        clips: to make.
        warnings: what to tell the user before they are made.
        adapters: LoRA adapters beside the model's weights, in the order of their ids.
        runtime: what it computes on.
        copies: how often each clip is in its batch: one that was generated among others comes again bit for bit only
            in a batch of that size.
        same_as: a clip whose bytes it must give.
        second: what a second process computes on, which divides the guidance branches; None: there is none.
    """

    folder: Path
    index: FolderIndex
    settings: GenerateSettings
    negative_prompt: str
    clips: tuple[Clip, ...]
    warnings: tuple[str, ...] = ()
    adapters: tuple[WeightedLora, ...] = ()
    runtime: RuntimeParams = ON_ANY_DEVICE
    copies: int = 1
    same_as: Path | None = None
    second: RuntimeParams | None = None

    @classmethod
    def check(
        cls,
        folder: Path,
        wanted: Sequence[Wanted],
        out: Path,
        negative_prompt: str = "",
        changes: Mapping[str, Any] | None = None,
        loras: Sequence[tuple[Path, float]] = (),
        runtime: Mapping[str, Any] | None = None,
        settings: GenerateSettings | None = None,
    ) -> "Request":
        """Check everything that can be checked without running the model.

        Args:
            folder: a model folder.
            wanted: what to make.
            out: folder of the files, made if it is not there.
            negative_prompt: text of the unconditional forwards.
            changes: fields of `GenerateSettings`; None leaves the default.
            loras: path and weight of each LoRA adapter.
            runtime: fields of `RuntimeParams`.
            settings: the defaults; None: the folder's.

        Raises:
            UsageError: one sentence about the first thing that is wrong.
            StaleError: a damaged model folder, or an adapter that is damaged or belongs to another model.
        """
        asked = changes or {}
        request = cls.of_model(folder, negative_prompt, asked, loras, runtime, settings)
        request.check_wanted(wanted, out, asked)
        request = request.with_clips(wanted, out)
        if (warning := request.index.prompts_warning([clip.prompt for clip in wanted])) is not None:
            request = replace(request, warnings=(*request.warnings, warning))
        check_memory(request.index, request.settings, request.runtime, max(map(len, request.batches())))
        return request

    @classmethod
    def of_model(
        cls,
        folder: Path,
        negative_prompt: str = "",
        changes: Mapping[str, Any] | None = None,
        loras: Sequence[tuple[Path, float]] = (),
        runtime: Mapping[str, Any] | None = None,
        settings: GenerateSettings | None = None,
    ) -> "Request":
        """A request without clips yet; arguments and errors as of `check`."""
        checked_runtime = ON_ANY_DEVICE.changed(**(runtime or {}))
        check_there(checked_runtime.devices)
        index = FolderIndex.read(folder)
        adapters = WeightedLora.all_of_model(loras, folder)
        for lora in adapters:
            index = index.with_phrases(lora.file.trained_on)
        settings = (settings or GenerateSettings.of(index)).changed(**(changes or {}))
        index.check_prompts(settings.negative_prompts(negative_prompt))
        for canvas in settings.clip_geometry.canvases:
            settings.output_format.check_size(canvas, settings.enlarge)
        warnings = tuple(warning for lora in adapters for warning in lora.file.warnings)
        return cls(folder, index, settings, negative_prompt, (), warnings, adapters, checked_runtime)

    def check_wanted(self, wanted: Sequence[Wanted], out: Path, changes: Mapping[str, Any]) -> None:
        """Check what can be checked of clips without opening a file that they are made from.

        Args:
            wanted: what to make.
            out: folder of the files.
            changes: settings that were asked for, by name.

        Raises:
            UsageError: one sentence about the first thing that is wrong.
        """
        self.index.check_prompts(clip.prompt for clip in wanted)
        for clip in wanted:
            try:
                _check_task(clip, self.settings, changes)
            except UsageError as error:
                raise (UsageError(f"clip {clip.name}: {error}") if len(wanted) > 1 else error) from None
            self.path_of(clip, out)

    def with_clips(self, wanted: Sequence[Wanted], out: Path) -> "Request":
        """The same for these clips, whose files are read.

        Args:
            wanted: checked.
            out: folder of the files, made if it is not there.

        Raises:
            UsageError: a file cannot be read, or does not fit the clip.
        """
        read = read_inputs(wanted, self.settings.clip_geometry)
        make_folder(out)
        clips = tuple(
            Clip(
                self.path_of(clip, out),
                inputs,
                given={name: GivenFile(file, sha256_file(file)) for name, file in clip.given.files.items()},
                audio_out=clip.audio_out,
                notes=notes,
            )
            for clip, (inputs, notes) in zip(wanted, read, strict=True)
        )
        return replace(self, clips=clips)

    def path_of(self, clip: Wanted, out: Path) -> Path:
        """Where a clip is written; UsageError for a name of another format, or a place where no file can be."""
        suffix = self.settings.output_format.suffix
        if clip.suffix not in (None, suffix):
            raise UsageError(
                f"the clip's name ends in {clip.suffix!r}, expected a name that ends in {suffix}: codec "
                f"{self.settings.codec} is written so"
            )
        path = out / f"{clip.name}{suffix}"
        if clip.audio_out is not None and clip.audio_out.suffix != ".wav":
            raise UsageError(f"the audio's file is {clip.audio_out}, expected a name that ends in .wav")
        for file in filter(None, (path, clip.audio_out)):
            if file.is_dir():
                raise UsageError(f"{file} is a folder, expected a file to write: choose another name")
        return path

    def with_second_process(self) -> "Request":
        """The same on two processes: the second one has the towers alone to run, on a device of its own.

        Raises:
            UsageError: there is no guidance to divide, no other GPU, or too little memory for both.
        """
        if not any(self.settings.is_guided(modality, self.settings.bridge) for modality in MODALITIES):
            raise UsageError("every guidance scale is 1, which leaves nothing to divide: leave --guidance-parallel out")
        others = ",".join(f"{part}=cpu" for part in PARTS if part != "towers")
        beside = device_beside(self.runtime.device_of("towers"))
        second = self.runtime.changed(device=f"{beside},{others}")
        clips = max(map(len, self.batches()))
        check_memory(self.index, self.settings, second, clips, processes=2 if beside == "cpu" else 1)
        return replace(self, second=second)

    @property
    def loras(self) -> tuple[LoraUsed, ...]:
        """The adapters as provenance names them."""
        return tuple(LoraUsed(lora.file.adapter_id, lora.weight) for lora in self.adapters)

    def batches(self) -> Iterator[tuple[Clip, ...]]:
        """The clips in batches of one frame shape and one task, each small enough to be generated at once."""
        geometry = self.settings.clip_geometry
        tokens = max(geometry.video_tokens(canvas) for canvas in geometry.canvases)
        size = max(1, TOKENS_AT_ONCE // tokens)
        alike = [(self.settings.canvas(clip.inputs.shown), clip.inputs.batched_by) for clip in self.clips]
        order = {canvas: number for number, canvas in enumerate(geometry.canvases)}
        for key in sorted(dict.fromkeys(alike), key=lambda key: order[key[0]]):
            same = [clip for clip, its in zip(self.clips, alike, strict=True) if its == key]
            for start in range(0, len(same), size):
                yield tuple(same[start : start + size])


def _check_task(clip: Wanted, settings: GenerateSettings, changes: Mapping[str, Any]) -> None:
    """Refuse what no task takes together, or what has no part in the clip's task, before a file is opened."""
    given = clip.given
    task = CLIP_TASKS[given.task_name]
    check_guided([name for name, value in changes.items() if value is not None], task)
    if given.retake is not None:
        retaken(given.retake, settings.clip_geometry)
    if clip.audio_out is not None and not task.makes_audio:
        raise UsageError(f"audio_out is {clip.audio_out}, and a clip of only video has no audio: leave one out")
