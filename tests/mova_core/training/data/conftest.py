"""Folders of tiny latents: shards of a few clips, of several canvases where asked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from mova_core.curation.encode.folder_constants import CONSTANTS_FILE, EMPTY, FolderConstants, white_name
from mova_core.curation.encode.latent_shards import LatentShard, TextContexts, write_shard
from mova_core.curation.encode.latents_file import FileHeader, shard_name
from mova_core.curation.encode.latents_manifest import INDEX_FILE, write_latents_manifest
from mova_core.curation.tables import write_table

CHANNELS, FRAMES, AUDIO, WIDTH, LENGTH = 2, 3, 5, 4, 6
CANVASES = {"square": (2, 2), "landscape": (2, 4), "portrait": (4, 2)}
INPUTS = {"geometry": "nano-32", "codec": "c" * 64, "text_encoder": "t" * 64, "params": "p" * 64}
WORDS = {
    "red": torch.full((2, WIDTH), 1.0),
    "knock": torch.full((3, WIDTH), 2.0),
    "red knock": torch.full((9, WIDTH), 3.0),
}
TEXTS = (("red", None, "knock", "red knock", "knock", "red"), ("red", None, None, "red", "red", "red"), (None,) * 6)


@dataclass(frozen=True)
class Latents:
    """A folder, and its shards in memory."""

    folder: Path
    shards: list[LatentShard]

    def write(self, number: int, shard: LatentShard, *, listed: bool = True) -> None:
        """Put another shard in place of one, and in the manifest unless it is to be found out."""
        write_shard(self.folder / shard_name(number), shard)
        if listed:
            self.list_files()

    def list_files(self) -> None:
        write_latents_manifest(self.folder, [*map(shard_name, range(len(self.shards))), CONSTANTS_FILE], INPUTS)


@pytest.fixture
def latents(tmp_path: Path) -> Callable[..., Latents]:
    """Function that writes a folder with a shard for each (orientation, clips); of each, the last is for validation."""

    def write(shards: Sequence[tuple[str, int]]) -> Latents:
        folder, made, rows = tmp_path / "latents", [], []
        generator = torch.Generator().manual_seed(0)
        constants = {EMPTY: torch.zeros(LENGTH, WIDTH)}
        for number, (orientation, clips) in enumerate(shards):
            canvas = CANVASES[orientation]
            ids = tuple(f"{number}-{row}" for row in range(clips))
            video, condition = torch.randn(2, clips, CHANNELS, FRAMES, *canvas, generator=generator)
            last = torch.randn(clips, CHANNELS, 1, *canvas, generator=generator)
            audio, audio_lufs = torch.randn(2, clips, CHANNELS, AUDIO, generator=generator)
            texts = [TEXTS[row % len(TEXTS)] for row in range(clips)]
            contexts = TextContexts.gather(texts, WORDS, WIDTH)
            header = FileHeader(fingerprint="made", clip_ids=ids, **INPUTS)
            made.append(LatentShard(header, video, condition, last, audio, audio_lufs, contexts))
            write_shard(folder / shard_name(number), made[-1])
            constants[white_name(*canvas)] = torch.ones(CHANNELS, FRAMES, *canvas)
            rows += [
                {"clip_id": clip_id, "path": shard_name(number), "row": row, "orientation": orientation}
                | {"split": "validation" if row == clips - 1 else "train", "phases": ["audio", "phase1"]}
                | {"origin": ("film", "music", None)[row % 3]}
                for row, clip_id in enumerate(ids)
            ]
        FolderConstants(constants).write(folder / CONSTANTS_FILE, FileHeader(fingerprint="made", **INPUTS))
        write_table(folder / INDEX_FILE, "latents", rows)
        written = Latents(folder, made)
        written.list_files()
        return written

    return write
