"""One clip's file of a queued request: the same bytes as `ClipGenerator` and `write_generated` give anywhere."""

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mova_core.errors import UsageError
from mova_core.media.image import read_image
from mova_core.media.provenance import LoraUsed, Provenance, Try
from mova_core.sampling.clip_generator import ClipGenerator
from mova_core.sampling.collapse.reseed import generate_guarded, told
from mova_core.sampling.inputs import ClipInputs
from mova_core.sampling.request.recipe import recipe_of
from mova_core.sampling.sampler import Watcher
from mova_core.sampling.written_clip import loudness_warning, write_generated
from mova_core.storage.hashing import sha256_file

if TYPE_CHECKING:
    from mova_core.model.lora.loaded import LoadedAdapters


@dataclass(frozen=True, slots=True)
class Rendered:
    """A clip's file.

    Args:
        sha256: of its bytes.
        tries: seeds that were tried; none where its own did well.
        warnings: what to tell of it.
    """

    sha256: str
    tries: tuple[Try, ...]
    warnings: tuple[str, ...]

    @property
    def outcome(self) -> dict[str, Any]:
        """As the job keeps it."""
        return {"tries": [asdict(tried) for tried in self.tries], "warnings": list(self.warnings)}


def render(
    generator: ClipGenerator,
    request: Mapping[str, Any],
    checkpoint_id: str,
    path: Path,
    cancelled: Callable[[], bool] = lambda: False,
    on_step: Callable[[int], object] = lambda done: None,
    adapters: "LoadedAdapters | None" = None,
) -> Rendered:
    """Make one clip's file.

    Args:
        generator: the model.
        request: as `RequestChecker.check` gives it.
        checkpoint_id: the model's, for the provenance.
        path: where to; whole or not there.
        cancelled: asked before each step.
        on_step: told after each step how many are done.
        adapters: loaded beside the model; those that the request asks for come into force.

    Raises:
        GenerationCancelled: `cancelled` said so.
        MovaError: it cannot be made.
    """
    loras = _in_force(adapters, request.get("loras", {}))
    image = None if request["image"] is None else base64.b64decode(request["image"])
    given = {} if image is None else {"image": hashlib.sha256(image).hexdigest()}
    inputs = ClipInputs(request["prompt"], request["seed"], None if image is None else read_image(image))
    # An answer is video/mp4, whatever codec the model's folder names for files of its own.
    settings = generator.defaults.changed(**request["changes"], codec="h264")
    negative_prompt = request["negative_prompt"]
    output = generate_guarded(
        generator, [inputs], settings, negative_prompt=negative_prompt, watcher=Watcher(cancelled, on_step)
    )
    (tries,) = output.tries
    recipe = recipe_of(inputs, given, negative_prompt, settings, generator.computed_on)
    provenance = Provenance(checkpoint_id, loras, recipe, tries)
    loudness = write_generated(path, output.video, output.audio, output.geometry, settings, provenance)
    warnings = tuple(filter(None, [told(tries), loudness_warning("the clip", loudness, settings)]))
    return Rendered(sha256_file(path), tries, warnings)


def _in_force(adapters: "LoadedAdapters | None", weights: Mapping[str, float]) -> tuple[LoraUsed, ...]:
    """Bring the adapters of a request into force, and no others."""
    if adapters is None:
        if weights:
            raise UsageError(f"adapter {next(iter(weights))} is no longer offered here: send the request again")
        return ()
    adapters.set(weights)
    return tuple(LoraUsed(adapter_id, weight) for adapter_id, weight in adapters.used.items())
