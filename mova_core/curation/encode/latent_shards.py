"""Latent shards: what training reads instead of clips, in files of up to params.encode.clips_per_shard clips.

Tensors of a shard of N clips:
    video             [N, C, T, h, w] float32   video latents
    audio             [N, C, L] float32         audio latents at the recorded loudness
    audio_lufs        [N, C, L] float32         audio latents at the loudness of params.encode.target_lufs
    contexts          [tokens, width] float32   every different text context of the shard, one after the other
    context_offsets   [texts + 1] int64         context i is contexts[context_offsets[i] : context_offsets[i + 1]]
    context_index     [N, 6] int32              a context per kind (`CONTEXT_KINDS`), -1 where there is none
Metadata: one entry `mova` with a JSON object (the safetensors writer shuffles several entries, one keeps the bytes the
same): schema, geometry, fingerprint (of all that the shard was made from), codec, text_encoder, params, clip_ids.

A folder of shards has `index.parquet` (table `latents`: where each clip lies) and, written last, `manifest.json`, which
holds every file's size and sha256: a reader trusts nothing else.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from mova_core.curation.encode.latents_manifest import SCHEMA, encode_again, read_latents_manifest
from mova_core.errors import MovaError, ShapeError, StaleError, UsageError
from mova_core.storage.atomic import atomic_path
from mova_core.storage.manifest import fault

CAPTION_KINDS = ("visual", "speech", "sound", "merged")  # columns of table `captions`
CONTEXT_KINDS = (*CAPTION_KINDS, "merged_with_duration", "merged_without_subtitles")
SHARD_PATTERN = "latents-*.safetensors"
METADATA_KEY = "mova"


def shard_name(number: int) -> str:
    """File name of shard `number`, from 0."""
    return f"latents-{number:05d}.safetensors"


@dataclass(frozen=True, slots=True)
class ShardHeader:
    """What a shard says about itself.

    Args:
        geometry: name of the clip geometry.
        fingerprint: of the clips, captions, params, codec and code that the shard was made from.
        codec: fingerprint of the codec, the only one that can decode it.
        text_encoder: fingerprint of the text encoder.
        params: fingerprint of params.encode.
        clip_ids: the clips, in row order.
        schema: version of the layout above.
    """

    geometry: str
    fingerprint: str
    codec: str
    text_encoder: str
    params: str
    clip_ids: tuple[str, ...]
    schema: str = SCHEMA


@dataclass(frozen=True, slots=True)
class TextContexts:
    """Contexts of N clips, each different one stored once (see the module for the tensors)."""

    flat: Tensor
    offsets: Tensor
    index: Tensor

    @classmethod
    def gather(
        cls, texts: Iterable[Sequence[str | None]], contexts: Mapping[str, Tensor], width: int
    ) -> "TextContexts":
        """Contexts of clips.

        Args:
            texts: for each clip the text of each kind of context, or None.
            contexts: the context [tokens, width] of every text.
            width: numbers of a token, which also holds where no clip has any text.
        """
        places: dict[str, int] = {}
        index = [[-1 if text is None else places.setdefault(text, len(places)) for text in row] for row in texts]
        pieces = [contexts[text] for text in places]
        lengths = torch.tensor([0, *(len(piece) for piece in pieces)], dtype=torch.int64)
        flat = torch.cat([torch.empty(0, width), *pieces])
        return cls(flat, lengths.cumsum(0), torch.tensor(index, dtype=torch.int32).reshape(-1, len(CONTEXT_KINDS)))

    def of(self, row: int, kind: str) -> Tensor | None:
        """Context [tokens, width] of one clip's caption, or None where it has none of that kind."""
        place = int(self.index[row, CONTEXT_KINDS.index(kind)])
        return None if place < 0 else self.flat[int(self.offsets[place]) : int(self.offsets[place + 1])]


@dataclass(frozen=True, slots=True)
class LatentShard:
    """One shard in memory.

    Args:
        header: where it comes from, and whose rows these are.
        video: [N, C, T, h, w].
        audio: [N, C, L].
        audio_lufs: [N, C, L].
        contexts: the texts of the rows.

    Raises:
        ShapeError: a tensor has no row for each clip.
        MovaError: latents hold NaN or infinity.
    """

    header: ShardHeader
    video: Tensor
    audio: Tensor
    audio_lufs: Tensor
    contexts: TextContexts

    def __post_init__(self) -> None:
        clips = len(self.header.clip_ids)
        latents = {"video": self.video, "audio": self.audio, "audio_lufs": self.audio_lufs}
        for name, tensor in {**latents, "context_index": self.contexts.index}.items():
            if len(tensor) != clips:
                raise ShapeError(f"{name} has {len(tensor)} rows, the shard has {clips} clips")
        for name, tensor in latents.items():
            finite = torch.isfinite(tensor).flatten(1).all(1)
            if not bool(finite.all()):
                clip_id = self.header.clip_ids[int(finite.logical_not().nonzero()[0])]
                raise MovaError(f"{name} latents of clip {clip_id} hold NaN or infinity")

    def __len__(self) -> int:
        return len(self.header.clip_ids)


def write_shard(path: Path, shard: LatentShard) -> None:
    """Write one shard atomically; the same shard gives the same bytes."""
    tensors = {
        "video": shard.video,
        "audio": shard.audio,
        "audio_lufs": shard.audio_lufs,
        "contexts": shard.contexts.flat,
        "context_offsets": shard.contexts.offsets,
        "context_index": shard.contexts.index,
    }
    metadata = {METADATA_KEY: json.dumps(asdict(shard.header))}
    with atomic_path(path) as temporary:
        safetensors.torch.save_file(tensors, temporary, metadata)


def finished_shards(folder: Path, wanted: Mapping[str, str]) -> set[str]:
    """Names of the shards that are there with the wanted fingerprint, and not known to be damaged.

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


def open_shard(path: Path) -> LatentShard:
    """Read one shard of a finished folder.

    Raises:
        UsageError: the folder has no manifest.
        StaleError: the file is not the one the manifest names, or they name different codecs or geometries.
        ShapeError: tensors that do not fit each other.
        MovaError: NaN or infinity.
    """
    manifest, again = read_latents_manifest(path.parent), encode_again(path.parent)
    if wrong := fault(path, manifest.files.get(path.name)):
        raise StaleError(f"{path} {wrong}: {again}")
    with safe_open(path, framework="pt") as file:
        header = _header(file)
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    for field in ("geometry", "codec", "text_encoder", "params"):
        if (got := getattr(header, field)) != (expected := getattr(manifest, field)):
            raise StaleError(f"{path} has {field} {got}, the manifest beside it {expected}: {again}")
    contexts = TextContexts(tensors["contexts"], tensors["context_offsets"], tensors["context_index"])
    return LatentShard(header, tensors["video"], tensors["audio"], tensors["audio_lufs"], contexts)


def _fingerprint(path: Path) -> str | None:
    """A shard's fingerprint; None if it is not there, not whole, or of another schema."""
    try:
        with safe_open(path, framework="pt") as file:
            return _header(file).fingerprint
    except (FileNotFoundError, SafetensorError, StaleError):
        return None


def _header(file: Any) -> ShardHeader:
    values = json.loads((file.metadata() or {}).get(METADATA_KEY, "{}"))
    if values.get("schema") != SCHEMA:
        raise StaleError(f"a latent shard has schema {values.get('schema')!r}, expected {SCHEMA!r}")
    return ShardHeader(**{**values, "clip_ids": tuple(values["clip_ids"])})
