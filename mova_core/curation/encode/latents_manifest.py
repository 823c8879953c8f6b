"""The manifest of a folder of latents, read without torch: every file's size and sha256, and what made them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from mova_core.errors import UsageError
from mova_core.storage.manifest import MANIFEST_FILE, Files, Manifest, file_entry, read_manifest, write_manifest

SCHEMA = "latents/4"
INDEX_FILE = "index.parquet"
AUDIO_CLIPS_FILE = "audio_clips.parquet"  # of the geometry that the audio tower is trained on


class LatentsManifest(Manifest):
    """Latents at one geometry."""

    SCHEMA: ClassVar = SCHEMA
    geometry: str
    codec: str
    text_encoder: str
    params: str
    files: Files


def write_latents_manifest(folder: Path, names: Sequence[str], inputs: Mapping[str, str]) -> None:
    """Write the checksums of a folder's files and its index; to be called last.

    Args:
        folder: where they lie.
        names: of the shards, the constants, and table `audio_clips` where there is one.
        inputs: `geometry`, `codec`, `text_encoder` and `params`, as in each file's header.
    """
    files = {name: file_entry(folder / name) for name in (*names, INDEX_FILE)}
    write_manifest(folder / MANIFEST_FILE, LatentsManifest(**inputs, files=files))


def read_latents_manifest(folder: Path) -> LatentsManifest:
    """The manifest of a finished folder.

    Raises:
        UsageError: there is none: not encoded yet, or stopped midway.
        StaleError: it is damaged, or another version wrote it.
    """
    path = folder / MANIFEST_FILE
    if not path.is_file():
        raise UsageError(f"{path} is missing: these latents are not finished, {encode_again(folder)}")
    return read_manifest(path, LatentsManifest, encode_again(folder))[0]


def encode_again(folder: Path) -> str:
    """What to do about a folder of latents that cannot be used."""
    return f"run `dvc repro encode@{folder.name}` (or `mova encode {folder.name}`)"
