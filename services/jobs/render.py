"""One clip's file of a queued request: the same bytes as `mova generate` gives anywhere for the same request."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mova_core.errors import StaleError
from mova_core.geometry import Canvas, ClipGeometry
from mova_core.media.provenance import LoraUsed, Provenance, Try
from mova_core.model.frozen import Frozen
from mova_core.sampling.clip_generator import ClipGenerator
from mova_core.sampling.collapse.reseed import generate_guarded, told
from mova_core.sampling.conditioning.extend import piece_seeds
from mova_core.sampling.inputs import ClipInputs
from mova_core.sampling.request.read_inputs import read_inputs
from mova_core.sampling.request.recipe import recipe_of
from mova_core.sampling.request.wanted import Given, Wanted
from mova_core.sampling.sampler import Watcher
from mova_core.sampling.settings import GenerateSettings
from mova_core.sampling.written_clip import loudness_warning, write_generated
from mova_core.storage.hashing import sha256_file
from services.jobs.inputs import JobInputs
from services.jobs.previews import PreviewMaker
from services.requests.errors import InvalidRequest
from services.requests.first_frame import ImageDecoder

if TYPE_CHECKING:
    from mova_core.model.lora.loaded import LoadedAdapters

MEDIA = ("video", "audio")


@dataclass(frozen=True, slots=True)
class Rendered:
    """A clip that is written.

    Args:
        sha256: of its file.
        tries: seeds that were tried; none where its own did well.
        warnings: what to tell of it.
        video: its frames, uint8 [F, H, W, 3]; None of audio alone.
        audio: its samples, float32 [S]; None of video alone.
    """

    sha256: str
    tries: tuple[Try, ...]
    warnings: tuple[str, ...]
    video: NDArray[np.uint8] | None
    audio: NDArray[np.float32] | None

    @property
    def outcome(self) -> dict[str, Any]:
        """As the job keeps it."""
        return {"tries": [asdict(tried) for tried in self.tries], "warnings": list(self.warnings)}


class Progress:
    """Who is told how far a clip is, and may end it.

    Args:
        cancelled: asked before each step.
        on_step: told after each step the share of all that are expected, 0 to 1.
        on_preview: gets that share and a small JPEG now and then; None: none is made.
    """

    def __init__(
        self,
        cancelled: Callable[[], bool] = lambda: False,
        on_step: Callable[[float], object] = lambda share: None,
        on_preview: Callable[[float, bytes], object] | None = None,
    ) -> None:
        self._cancelled, self._on_step, self._on_preview = cancelled, on_step, on_preview

    def watcher(self, steps: int, codecs: Frozen, makes_video: bool) -> Watcher:
        """The sampler's.

        Args:
            steps: of the clip; those of a further seed come on top.
            codecs: of the model, for previews.
            makes_video: whether the clip's video is generated.
        """
        done = 0

        def step(_: int) -> None:
            nonlocal done
            done += 1
            self._on_step(min(1.0, done / steps))

        told = self._on_preview
        if told is None or not makes_video:
            return Watcher(self._cancelled, step)
        maker = PreviewMaker(codecs, lambda jpeg: told(min(1.0, done / steps), jpeg))
        return Watcher(self._cancelled, step, maker.on_latents)


class Renderer:
    """Makes clips with one model.

    Args:
        generator: the model.
        checkpoint_id: of its weights, for the provenance.
        inputs: where the files lie that requests name; None: they name none.
        adapters: loaded beside the model; those that a request asks for come into force.
    """

    def __init__(
        self,
        generator: ClipGenerator,
        checkpoint_id: str,
        inputs: JobInputs | None = None,
        adapters: "LoadedAdapters | None" = None,
    ) -> None:
        self.generator, self.checkpoint_id, self.inputs, self.adapters = generator, checkpoint_id, inputs, adapters
        self._images = ImageDecoder()

    def settings_of(self, request: Mapping[str, Any]) -> GenerateSettings:
        """How a request's clip is made and coded."""
        # An answer is video/mp4, whatever codec the model's folder names for files of its own.
        return self.generator.defaults.changed(**request["changes"], codec="h264")

    def render(self, request: Mapping[str, Any], path: Path, progress: Progress | None = None) -> Rendered:
        """Make one clip's file, whole or not there.

        Args:
            request: as `VideoRequest` gives it.
            path: where to.
            progress: who is told.

        Raises:
            GenerationCancelled: `progress` said so.
            MovaError: it cannot be made.
        """
        loras = self._in_force(request.get("loras", {}))
        settings = self.settings_of(request)
        clip, notes = self._read(request, settings.clip_geometry)
        steps, makes_video = settings.steps * len(piece_seeds(clip)), "video" in clip.task.generated
        watcher = (progress or Progress()).watcher(steps, self.generator.model, makes_video)
        negative_prompt = request["negative_prompt"]
        output = generate_guarded(self.generator, [clip], settings, negative_prompt=negative_prompt, watcher=watcher)
        (tries,) = output.tries
        video, audio = next(iter(output.videos), None), next(iter(output.audios), None)
        recipe = recipe_of(clip, request.get("inputs", {}), negative_prompt, settings, self.generator.computed_on)
        provenance = Provenance(self.checkpoint_id, loras, recipe, tries)
        loudness = write_generated(path, video, audio, output.geometry, settings, provenance)
        warnings = (*notes, *filter(None, [told(tries), loudness_warning("the clip", loudness, settings)]))
        return Rendered(sha256_file(path), tries, warnings, video, audio)

    def _read(self, request: Mapping[str, Any], geometry: ClipGeometry) -> tuple[ClipInputs, list[str]]:
        """What the clip is made from, and what was done with it, a sentence each."""
        with tempfile.TemporaryDirectory(prefix="mova-given-") as folder:
            files = {name: Path(folder, name) for name in request.get("inputs", {})}
            for name, path in files.items():
                self._stored.copy(request["inputs"][name], path)
            asked: dict[str, Any] = {name: files[name] for name in MEDIA if name in files} | request.get("task", {})
            wanted = Wanted("clip", request["prompt"], request["seed"], Given(**asked))
            ((clip, notes),) = read_inputs([wanted], geometry)
            if "image" in files:
                clip = replace(clip, image=self._images.first_frame(files["image"].read_bytes(), geometry))
            if "last_image" in files:
                if clip.image is not None:  # of the first one's shape
                    geometry = _of_shape(geometry, *clip.image.shape[:2])
                clip = replace(clip, last_image=self._images.first_frame(files["last_image"].read_bytes(), geometry))
            clip.check(geometry)
            return clip, [note.removeprefix(f"{folder}/") for note in notes]

    @property
    def _stored(self) -> JobInputs:
        if self.inputs is None:
            raise StaleError("the request names files, and none are kept here: serve it from its project")
        return self.inputs

    def _in_force(self, weights: Mapping[str, float]) -> tuple[LoraUsed, ...]:
        """Bring the adapters of a request into force, and no others."""
        if self.adapters is None:
            if weights:
                raise InvalidRequest(
                    f"adapter {next(iter(weights))} is no longer offered here: send the request again", "lora"
                )
            return ()
        self.adapters.set(weights)
        return tuple(LoraUsed(adapter_id, weight) for adapter_id, weight in self.adapters.used.items())


def _of_shape(geometry: ClipGeometry, height_px: int, width_px: int) -> ClipGeometry:
    return replace(geometry, canvases=(Canvas(height_px, width_px),))
