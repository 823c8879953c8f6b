"""A model with a LoRA adapter merged into its weights."""

from dataclasses import replace
from pathlib import Path

from mova_core.model.lora.adapter import Adapter
from mova_core.model.lora.layers import load_adapter, merge
from mova_core.model.model_folder import Components, load_components


def load_merged(model: Path, adapter: Adapter) -> Components:
    """A whole model in memory.

    Args:
        model: its folder.
        adapter: of this model, as `check_base` says.

    Raises:
        UsageError, StaleError: see `load_components` and `load_adapter`.
    """
    components = load_components(model)
    load_adapter(components.towers, adapter)
    merge(components.towers)
    return replace(components, index=components.index.with_phrases(adapter.manifest.trained_on))
