"""LoRA adapters of a pipeline, under diffusers' names where it has them."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mova_core.errors import UsageError
from mova_core.model.lora.lora_file import LoraFile, check_weight
from mova_core.model.model_folder import Components

if TYPE_CHECKING:
    from mova_core.model.lora.loaded import LoadedAdapters


class LoraMethods:
    """What a pipeline does with adapters of its `model`."""

    model: Components

    def load_lora(self, adapter: str | Path, adapter_name: str | None = None, weight: float = 1.0) -> None:
        """Put a LoRA adapter beside the weights of towers and Bridge, in force together with those that are.

        To be called before offloading is enabled: layers that wait elsewhere get their hooks then.

        Args:
            adapter: its folder (ours, or peft's or diffusers') or its safetensors file.
            adapter_name: what it is called from now on; None: the name of its folder, or of its file without suffix.
            weight: by which its effect is multiplied.

        Raises:
            UsageError: no adapter, a name that is taken, or a weight without an effect.
            StaleError: a damaged adapter, or one of another model.
        """
        path, model = Path(adapter), self.model.index.folder
        lora = LoraFile.read(path) if model is None else LoraFile.of_model(path, model)
        name = path.stem if adapter_name is None else adapter_name
        check_weight(name, weight)
        self._adapters.load(name, lora)
        self._adapters.set(self._adapters.weights | {name: weight})

    def set_adapters(
        self, adapter_names: str | Sequence[str], adapter_weights: float | Sequence[float] | None = None
    ) -> None:
        """Say which of the loaded adapters are in force, each with what weight (1 unless given); no name: none.

        Raises:
            UsageError: a name that is not loaded, as many weights as there are names not given, or adapters are fused.
        """
        names = [adapter_names] if isinstance(adapter_names, str) else list(adapter_names)
        weights = 1.0 if adapter_weights is None else adapter_weights
        listed = [float(weights)] * len(names) if isinstance(weights, int | float) else list(weights)
        if len(listed) != len(names):
            raise UsageError(f"got {len(listed)} adapter_weights for {len(names)} adapters, expected one for each")
        self._adapters.set(dict(zip(names, listed, strict=True)))

    def get_active_adapters(self) -> list[str]:
        """The names of those in force."""
        return list(self._adapters.weights)

    def delete_adapters(self, adapter_names: str | Sequence[str]) -> None:
        """Take adapters out; UsageError for a name that is not loaded, or while they are fused."""
        for name in [adapter_names] if isinstance(adapter_names, str) else adapter_names:
            self._adapters.delete(name)

    def fuse_lora(self) -> None:
        """Make the adapters in force part of the weights, for speed; UsageError where they are already."""
        self._adapters.fuse()

    def unfuse_lora(self) -> None:
        """Bring the weights back bit for bit, the adapters beside them again."""
        self._adapters.unfuse()

    def unload_lora_weights(self) -> None:
        """Take all adapters out: the model is, bit for bit, as it was before the first."""
        self._adapters.unload()

    @cached_property
    def _adapters(self) -> "LoadedAdapters":
        from mova_core.model.lora.loaded import LoadedAdapters  # peft, which takes seconds, only where it is used

        return LoadedAdapters(self.model.towers)
