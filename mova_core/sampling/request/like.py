"""`mova generate --like CLIP`: the request behind a clip, read from its provenance, made again or changed.

Nothing changed: the clip comes again byte for byte, or it is said why it cannot: another checkpoint, other versions, a
file that it was made from is not at hand. With a change these differences are warnings, because it is another clip.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mova_core.errors import MovaError, StaleError, UsageError, first_fault
from mova_core.media.provenance import LoraUsed, Provenance, Recipe, read_provenance
from mova_core.model.lora.lora_file import LoraFile
from mova_core.sampling.request.recipe import recipe_of, versions
from mova_core.sampling.request.request import Request
from mova_core.sampling.request.wanted import FILE_FIELDS
from mova_core.sampling.settings import GenerateSettings
from mova_core.storage.hashing import sha256_file
from mova_core.storage.known_paths import recall, remember
from mova_core.storage.manifest import SHOWN_DIGITS


@dataclass(frozen=True, slots=True)
class Like:
    """A clip that says how it was made.

    Args:
        path: its file.
        provenance: of it.
        recipe: in its provenance.
    """

    path: Path
    provenance: Provenance
    recipe: Recipe

    @classmethod
    def read(cls, path: Path) -> "Like":
        """The request behind a clip.

        Raises:
            UsageError: there is no such file, or it does not say how it was made.
            MediaError: not a whole clip.
        """
        if not path.is_file():
            raise UsageError(f"{path} is missing: expected a clip that `mova generate` or a service made")
        provenance = read_provenance(path)
        if provenance is None or provenance.recipe is None:
            raise UsageError(
                f"{path} does not say how it was made: expected a clip of `mova generate` or a service, of a version "
                "that writes its settings"
            )
        return cls(path, provenance, provenance.recipe)

    def settings(self) -> GenerateSettings:
        """How it was made; StaleError where this version has no such settings."""
        try:
            return GenerateSettings.model_validate(self.recipe.settings)
        except ValidationError as error:
            raise StaleError(
                f"{self.path} was made by another version ({self._made_with()}), with settings that this one has not: "
                f"{first_fault(error)}"
            ) from None

    def given(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """What to make it from, by field of `Given`: what is asked for, else its own.

        Raises:
            StaleError: a file of its own is not known here, no longer there, or has other bytes.
        """
        if unknown := sorted(self.recipe.inputs.keys() - FILE_FIELDS):
            raise StaleError(
                f"{self.path} was made by another version ({self._made_with()}) from {unknown[0]}, which this one does "
                f"not take, expected {' or '.join(FILE_FIELDS)}"
            )
        own = {name: digest for name, digest in self.recipe.inputs.items() if name not in asked}
        return {name: self._file(name, digest) for name, digest in own.items()} | self.recipe.task | dict(asked)

    def loras(self) -> list[tuple[Path, float]]:
        """Path and weight of the adapters that worked beside its checkpoint.

        Raises:
            StaleError: where one lies is not known, or another lies there now.
        """
        return [(self._adapter(used), used.scale) for used in self.provenance.loras]

    def check(self, request: Request, checkpoint_id: str) -> Request:
        """The request, told whether it must give the clip's bytes, with a warning where it is a changed one.

        Args:
            request: for one clip, made from this one.
            checkpoint_id: what is to make it.

        Raises:
            StaleError: nothing is changed, and yet the same bytes cannot come.
        """
        clip, settings = request.clips[0], request.settings
        now = recipe_of(
            clip.inputs, clip.digests, request.negative_prompt, settings, request.runtime, self.recipe.batch
        )
        now = replace(now, settings=self.recipe.settings, versions=self.recipe.versions)
        same = (now, request.loras, settings) == (self.recipe, self.provenance.loras, self.settings())
        differences = []
        if checkpoint_id != self.provenance.checkpoint_id:
            differences.append(
                f"{self.path} was made by checkpoint {self.provenance.checkpoint_id}, {request.folder} holds "
                f"{checkpoint_id}"
            )
        if self.recipe.versions != versions():
            there, here = self._made_with(), _listed(versions())
            differences.append(f"{self.path} was made with {there}, here are {here}")
        if not same:
            return replace(request, warnings=(*request.warnings, *differences))
        if differences:
            raise StaleError(
                f"{differences[0]}: the same bytes cannot come of it; use what it was made with, or change something "
                "(such as --seed) for another clip like it"
            )
        return replace(request, copies=self.recipe.batch, same_as=self.path)

    def _adapter(self, used: LoraUsed) -> Path:
        path = recall(used.adapter_id)
        made_with = f"{self.path} was made with LoRA adapter {used.adapter_id}"
        if path is None:
            raise StaleError(f"{made_with}, and it is not known where that lies: give all its adapters by --lora")
        if not path.exists():
            raise StaleError(f"{made_with}; {path} is no longer there: bring it back, or give all adapters by --lora")
        if (found := LoraFile.read(path).adapter_id) != used.adapter_id:
            raise StaleError(
                f"{made_with}; {path} is adapter {found} now: bring the old one back, or give others by --lora"
            )
        return path

    def _file(self, name: str, digest: str) -> Path:
        option, path = f"--{name.replace('_', '-')}", recall(digest)
        made_from = f"{self.path} was made from a file given as {option}, sha256 {digest[:SHOWN_DIGITS]}"
        if path is None:
            raise StaleError(f"{made_from}, and it is not known where that lies: give it by {option}")
        if not path.is_file():
            raise StaleError(f"{made_from}; {path} is no longer there: bring it back, or give another by {option}")
        if (found := sha256_file(path)) != digest:
            raise StaleError(
                f"{made_from}; {path} has sha256 {found[:SHOWN_DIGITS]} now: bring the old file back, or give one by "
                f"{option}"
            )
        return path

    def _made_with(self) -> str:
        return _listed(self.recipe.versions)


def remember_sources(request: Request, checkpoint_id: str) -> None:
    """Note where the files of a request lie, so that its clips can be made again from their digests."""
    remember(checkpoint_id, request.folder)
    for lora in request.adapters:
        remember(lora.file.adapter_id, lora.file.path)
    for clip in request.clips:
        for file in clip.given.values():
            remember(file.sha256, file.path)


def check_same(made: Path, like: Path) -> None:
    """MovaError where a clip that was made again has other bytes."""
    if made.read_bytes() != like.read_bytes():
        raise MovaError(
            f"{made} is written, but is not byte for byte {like}: checkpoint, files, settings and versions are the "
            "same, so another processor, device or number of threads computed other last bits"
        )


def _listed(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())
