"""The recipe of a clip, as its provenance holds it: all that decides its bytes beside the weights."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from mova_core.media.provenance import Recipe
from mova_core.params.runtime import RuntimeParams
from mova_core.sampling.inputs import ClipInputs
from mova_core.sampling.request.wanted import TASK_FIELDS
from mova_core.sampling.settings import GenerateSettings
from mova_core.version import __version__

LIBRARIES = ("torch", "av")  # that compute a clip and code it


def recipe_of(
    inputs: ClipInputs,
    given: Mapping[str, str],
    negative_prompt: str,
    settings: GenerateSettings,
    computed_on: RuntimeParams,
    batch: int = 1,
) -> Recipe:
    """The recipe of one clip.

    Args:
        inputs: what it is made from.
        given: sha256 of each file among them, by its field of `ClipInputs`.
        negative_prompt: text of the unconditional forwards.
        settings: how it is made and coded.
        computed_on: device, dtype and memory.
        batch: how many clips are generated together.
    """
    return Recipe(
        inputs.prompt,
        negative_prompt,
        inputs.seed,
        settings.model_dump(mode="json"),
        {name: _as_json(value) for name in TASK_FIELDS if (value := getattr(inputs, name))},
        dict(given),
        computed_on.model_dump(mode="json"),
        batch,
        versions(),
    )


def _as_json(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def versions() -> dict[str, str]:
    """Versions of what decides a clip's bytes, by name."""
    return {"mova": __version__} | {name: version(name) for name in LIBRARIES}
