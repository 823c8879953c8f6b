"""A model with LoRA adapters merged into its weights."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mova_core.model.lora.loaded import LoadedAdapters
from mova_core.model.lora.lora_file import WeightedLora
from mova_core.model.model_folder import Components, load_components


def load_merged(model: Path, loras: Sequence[WeightedLora]) -> Components:
    """A whole model in memory.

    Args:
        model: its folder.
        loras: adapters of this model, as `WeightedLora.of_model` reads them.

    Raises:
        UsageError, StaleError: see `load_components` and `LoadedAdapters.load`.
    """
    components = load_components(model)
    LoadedAdapters.of(components.towers, loras).keep_fused()
    phrases = [phrase for lora in loras for phrase in lora.file.trained_on]
    return replace(components, index=components.index.with_phrases(phrases))
