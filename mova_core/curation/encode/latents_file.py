"""A file of a folder of latents, a shard or the constants: what it says about itself, and whether it is finished.

What it says is one entry `mova` of its metadata, a JSON object: the safetensors writer shuffles several entries, one
keeps the bytes the same.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from mova_core.curation.encode.latents_manifest import SCHEMA, LatentsManifest, encode_again, read_latents_manifest
from mova_core.errors import StaleError, UsageError
from mova_core.storage.manifest import fault

SHARD_PATTERN = "latents-*.safetensors"
METADATA_KEY = "mova"


def shard_name(number: int) -> str:
    """File name of shard `number`, from 0."""
    return f"latents-{number:05d}.safetensors"


@dataclass(frozen=True, slots=True)
class FileHeader:
    """Where the tensors of a file come from.

    Args:
        geometry: name of the clip geometry.
        fingerprint: of the clips, captions, params, codec and code that the file was made from.
        codec: fingerprint of the codec, the only one that can decode its latents.
        text_encoder: fingerprint of the text encoder.
        params: fingerprint of params.encode.
        clip_ids: the clips of a shard, in row order.
        schema: version of the layout.
    """

    geometry: str
    fingerprint: str
    codec: str
    text_encoder: str
    params: str
    clip_ids: tuple[str, ...] = ()
    schema: str = SCHEMA

    def metadata(self) -> dict[str, str]:
        """The metadata of the file."""
        return {METADATA_KEY: json.dumps(asdict(self))}


def read_header(file: Any) -> FileHeader:
    """The header of an open safetensors file; StaleError if another version wrote it."""
    values = json.loads((file.metadata() or {}).get(METADATA_KEY, "{}"))
    if values.get("schema") != SCHEMA:
        raise StaleError(f"a file of latents has schema {values.get('schema')!r}, expected {SCHEMA!r}")
    return FileHeader(**{**values, "clip_ids": tuple(values["clip_ids"])})


def check_file(path: Path, manifest: LatentsManifest) -> None:
    """StaleError unless a file is the one of the manifest, made with the codec, text encoder and params named there."""
    again = encode_again(path.parent)
    if wrong := fault(path, manifest.files.get(path.name)):
        raise StaleError(f"{path} {wrong}: {again}")
    with safe_open(path, framework="pt") as file:
        header = read_header(file)
    for field in ("geometry", "codec", "text_encoder", "params"):
        if (got := getattr(header, field)) != (expected := getattr(manifest, field)):
            raise StaleError(f"{path} has {field} {got}, the manifest beside it {expected}: {again}")


def finished_files(folder: Path, wanted: Mapping[str, str]) -> set[str]:
    """Names of the files that are there with the wanted fingerprint, and not known to be damaged.

    Args:
        folder: where they lie.
        wanted: fingerprint by file name.
    """
    try:
        files = read_latents_manifest(folder).files
    except (UsageError, StaleError):
        files = None  # a run was stopped midway: what it finished is whole, as every write is
    return {
        name
        for name, fingerprint in wanted.items()
        if _fingerprint(folder / name) == fingerprint
        and (files is None or fault(folder / name, files.get(name)) is None)
    }


def _fingerprint(path: Path) -> str | None:
    """A file's fingerprint; None if it is not there, not whole, or of another schema."""
    try:
        with safe_open(path, framework="pt") as file:
            return read_header(file).fingerprint
    except (FileNotFoundError, SafetensorError, StaleError):
        return None
