"""The LoRA adapters that a deployment offers by name: `serve.loras` of params.yaml, each a folder of models/lora/.

A request asks for them as NAME or NAME=WEIGHT, several with commas between them. What it says is compared with the list
and is never a path.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mova_core.errors import MovaError, UsageError
from mova_core.model.lora.lora_file import LoraFile, check_weight
from mova_core.places import ADAPTERS
from services.settings import ServiceSettings

if TYPE_CHECKING:
    from mova_core.model.lora.loaded import LoadedAdapters
    from mova_core.model.model_folder import Components


def offered(settings: ServiceSettings, model: Path) -> dict[str, LoraFile]:
    """The adapters by name, each compared with the model.

    Args:
        settings: where the project lies, and which it offers.
        model: folder of the served model.

    Raises:
        UsageError: one is not there.
        StaleError: one is damaged, or belongs to another model.
    """
    found = {}
    for name in settings.params.loras:
        try:
            found[name] = LoraFile.of_model(settings.root / ADAPTERS / name, model)
        except MovaError as error:
            raise type(error)(f"serve.loras names {name}: {error}") from None
    return found


def loaded(model: "Components", loras: Mapping[str, LoraFile]) -> "LoadedAdapters | None":
    """The adapters beside a model, none of them in force; None where none is offered."""
    if not loras:
        return None
    from mova_core.model.lora.loaded import LoadedAdapters  # peft, which takes seconds, only where it is used

    adapters = LoadedAdapters(model.towers)
    for name, lora in loras.items():
        adapters.load(name, lora)
    return adapters


def asked_for(text: str | None, names: Collection[str]) -> dict[str, float]:
    """Weights by name of the adapters that a request asks for.

    Args:
        text: NAME or NAME=WEIGHT, with commas between several; None: none.
        names: of those that are offered.

    Raises:
        UsageError: one that is not offered, or is named twice, or a weight without an effect.
    """
    weights: dict[str, float] = {}
    for word in [] if text is None else text.split(","):
        name, equals, number = word.strip().partition("=")
        if name not in names:
            there = f"expected {' or '.join(sorted(names))}" if names else "this service offers no adapter"
            raise UsageError(f"lora names {name[:80]!r}, which is not offered here: {there}")
        if name in weights:
            raise UsageError(f"lora names {name} twice: expected it once, with the weight that it shall have")
        try:
            weights[name] = float(number) if equals else 1.0
        except ValueError:
            raise UsageError(f"lora gives {name} the weight {number[:80]!r}, expected a number such as 0.7") from None
        check_weight(name, weights[name])
    return weights
