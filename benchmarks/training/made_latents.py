"""Random latents of the nano shapes, as `mova encode` leaves real ones."""

from pathlib import Path

import torch

from mova_core.curation.encode.folder_constants import CONSTANTS_FILE, EMPTY, FolderConstants, white_name
from mova_core.curation.encode.latent_shards import CONTEXT_KINDS, LatentShard, TextContexts, write_shard
from mova_core.curation.encode.latents_file import FileHeader, shard_name
from mova_core.curation.encode.latents_manifest import INDEX_FILE, write_latents_manifest
from mova_core.curation.tables import write_table
from mova_core.geometry import ClipGeometry
from mova_core.model.text.prompt import NANO_CONTEXT_LENGTH
from mova_core.params import Params
from mova_core.training.recipe import PHASES

CLIPS = {"train": 512, "validation": 48}
TEXTS = 32  # different captions: what the footage of the demo has


def write_latents(folder: Path, geometry: ClipGeometry) -> None:
    """A folder of random latents and texts of both splits, one shard each."""
    generator = torch.Generator().manual_seed(0)
    canvas = geometry.canvases[0]
    sizes = Params().latent_sizes
    video = (sizes["video"], geometry.latent_frames, canvas.latent_height, canvas.latent_width)
    last = (sizes["video"], 1, *video[2:])
    audio = (sizes["audio"], geometry.audio_tokens * geometry.audio_latents_per_token)
    texts = torch.randn(TEXTS, NANO_CONTEXT_LENGTH, sizes["text"], generator=generator)
    offsets = torch.arange(0, texts.shape[0] + 1) * NANO_CONTEXT_LENGTH
    inputs = {"geometry": geometry.name, **dict.fromkeys(("codec", "text_encoder", "params"), "made")}
    rows = []
    for number, (split, clips) in enumerate(CLIPS.items()):
        index = (torch.arange(clips, dtype=torch.int32) % TEXTS)[:, None].expand(-1, len(CONTEXT_KINDS)).contiguous()
        ids = tuple(f"{split}-{clip}" for clip in range(clips))
        shard = LatentShard(
            FileHeader(fingerprint="made", clip_ids=ids, **inputs),
            *(torch.randn(clips, *shape, generator=generator) for shape in (video, video, last, audio, audio)),
            TextContexts(texts.flatten(0, 1), offsets, index),
        )
        write_shard(folder / shard_name(number), shard)
        facts = {"path": shard_name(number), "orientation": canvas.orientation, "split": split, "phases": list(PHASES)}
        rows += [{"clip_id": clip, "row": row} | facts for row, clip in enumerate(ids)]
    white = white_name(canvas.latent_height, canvas.latent_width)
    tensors = {EMPTY: torch.randn(NANO_CONTEXT_LENGTH, sizes["text"]), white: torch.randn(video)}
    FolderConstants(tensors).write(folder / CONSTANTS_FILE, FileHeader(fingerprint="made", **inputs))
    write_table(folder / INDEX_FILE, "latents", rows)
    write_latents_manifest(folder, [*map(shard_name, range(len(CLIPS))), CONSTANTS_FILE], inputs)
