"""A LoRA adapter's folder, `models/lora/NAME/`, looked at without torch.

    adapter_model.safetensors   `COMPONENT.MODULE.lora_A.weight` [rank, in] and `….lora_B.weight` [out, rank]: the keys
                                of the public system's LoRA files
    adapter_config.json         peft's: rank, alpha, which layers
    manifest.json               what it belongs to and was made from, sizes and sha256

An adapter belongs to the very weights that it was trained on, and is refused beside others.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from mova_core.errors import StaleError, UsageError
from mova_core.model.pretrained.index import TOWER_COMPONENTS, component_digests
from mova_core.params.model import LoraParams
from mova_core.places import ADAPTERS
from mova_core.storage.manifest import MANIFEST_FILE, Files, Manifest, Sha256, read_manifest, verify

ID_DIGITS = 16  # of the manifest's sha256, as of a checkpoint's
WEIGHTS_FILE, CONFIG_FILE = "adapter_model.safetensors", "adapter_config.json"

Digests = dict[str, list[Sha256]]
"""Sha256 of the files with each component's weights."""


class AdapterManifest(Manifest):
    """What stands in an adapter's manifest.

    Args:
        phase: whose latents and params it was trained with.
        fingerprint: of what it was made from.
        base: weights that it belongs to.
        base_checkpoint: id of the model folder that holds them.
        clips: sha256 of each clip's file, by name.
        latents: sha256 of the index of their latents.
        params: section `train.lora`.
        seed: of everything random.
        trained_on: phrases of its captions.
        files: size and sha256 by path within the folder.
    """

    SCHEMA: ClassVar = "lora/1"
    phase: str
    fingerprint: str
    base: Digests
    base_checkpoint: str
    clips: dict[str, Sha256]
    latents: Sha256
    params: dict[str, Any]
    seed: int
    trained_on: list[str]
    files: Files = Field({})


@dataclass(frozen=True, slots=True)
class Adapter:
    """An adapter on disk, whole.

    Args:
        folder: where it lies.
        manifest: what its manifest says.
        adapter_id: the first digits of its manifest's sha256.
    """

    folder: Path
    manifest: AdapterManifest
    adapter_id: str

    @classmethod
    def read(cls, folder: Path) -> "Adapter":
        """Compare every file with the manifest.

        Raises:
            UsageError: no adapter lies there.
            StaleError: a file is missing, altered or unknown.
        """
        if not (folder / MANIFEST_FILE).is_file():
            raise UsageError(
                f"{folder} is no LoRA adapter: {MANIFEST_FILE} is missing; expected a folder that `mova train --lora` "
                f"made, such as {ADAPTERS}/NAME"
            )
        manifest, sha256 = read_manifest(folder / MANIFEST_FILE, AdapterManifest, "train it again")
        verify(folder, manifest.files, "train it again, or fetch it again", unlisted=(MANIFEST_FILE,))
        return cls(folder, manifest, sha256[:ID_DIGITS])

    @classmethod
    def of_model(cls, folder: Path, model: Path) -> "Adapter":
        """Read an adapter of the weights in a model folder; errors as `read` and `check_base`."""
        adapter = cls.read(folder)
        adapter.check_base(model)
        return adapter

    def check_base(self, model: Path) -> None:
        """StaleError unless a model folder holds the weights that the adapter was trained on."""
        for name, got in base_digests(model).items():
            if (expected := self.manifest.base.get(name)) != got:
                raise StaleError(
                    f"{self.folder} belongs to checkpoint {self.manifest.base_checkpoint}, whose {name} has sha256 "
                    f"{_shown(expected)}, {model}/{name} has {_shown(got)}: name the model that it was trained on, or "
                    "train it on this one"
                )


def base_digests(model: Path) -> Digests:
    """Of the towers and the Bridge of a model folder; reads all their bytes."""
    return {name: component_digests(model / name) for name in TOWER_COMPONENTS}


def config_text(params: LoraParams) -> str:
    """`adapter_config.json` of an adapter of these params."""
    return json.dumps({"peft_type": "LORA", **config_fields(params)}, indent=2, sort_keys=True) + "\n"


def config_fields(params: LoraParams) -> Mapping[str, Any]:
    """Arguments of peft's `LoraConfig`; the layers as a regular expression of their whole names."""
    components, ends = ("|".join(name.replace(".", r"\.") for name in names) for names in _names(params))
    return {
        "r": params.rank,
        "lora_alpha": params.alpha,
        "lora_dropout": params.dropout,
        "target_modules": rf"(?:{components})\..*\.(?:{ends})",
    }


def _names(params: LoraParams) -> tuple[list[str], list[str]]:
    return sorted(set(params.components)), sorted(set(params.modules))


def _shown(digests: list[str] | None) -> str:
    return ", ".join(digest[:12] for digest in digests or []) or "none"
