"""Latents and contexts of single clips, read from mapped shards of which only so many are open at a time.

A shard is compared with the manifest when it is first opened, and a row is looked at for NaN when it is read.
Shape suffixes: B batch, U different captions, K context positions, W context width.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import torch
from torch import Tensor

from mova_core.curation.encode.folder_constants import FolderConstants
from mova_core.curation.encode.latent_shards import LatentShard, read_shard
from mova_core.curation.encode.latents_file import check_file
from mova_core.curation.encode.latents_manifest import encode_again, read_latents_manifest
from mova_core.errors import MovaError, ShapeError
from mova_core.model.text.padding import pad_context
from mova_core.training.data.index import Bucket


@dataclass(frozen=True, slots=True)
class BatchContext:
    """Texts of a batch, each different one once: a tower embeds it once for all clips that share it.

    Args:
        contexts: [U, K, W].
        of_B: each sample's context, int64.
    """

    contexts: Tensor
    of_B: Tensor

    def to(self, device: torch.device) -> "BatchContext":
        """The same on a device."""
        return BatchContext(self.contexts.to(device), self.of_B.to(device))


class ClipReader:
    """Clips of one folder of latents; threads may share it.

    Args:
        folder: of one geometry.
        keep: shards that are open at a time.

    Raises:
        UsageError: not encoded.
        StaleError: the manifest or the constants are not whole.
    """

    def __init__(self, folder: Path, keep: int) -> None:
        self.constants = FolderConstants.read(folder)
        self._folder, self._manifest, self._keep = folder, read_latents_manifest(folder), keep
        self._open: OrderedDict[str, LatentShard] = OrderedDict()
        self._checked: set[str] = set()
        self._shapes: dict[tuple[str, str], torch.Size] = {}
        self._lock = Lock()

    def shape(self, name: str, bucket: Bucket) -> torch.Size:
        """Of one clip's latents of that name in a bucket."""
        first = bucket.shards[0]
        with self._lock:
            if (name, first) not in self._shapes:
                self._shapes[name, first] = getattr(self._shard(first), name).shape[1:]
            return self._shapes[name, first]

    def latents(self, name: str, bucket: Bucket, clips: Sequence[int]) -> Tensor:
        """Latents of these clips, by the tensor's name in a shard: [B, …].

        Raises:
            StaleError: a shard is not the file that the manifest lists.
            ShapeError: a clip's latents are of another shape than those of its bucket.
            MovaError: they hold NaN or infinity.
        """
        shape, rows = self.shape(name, bucket), []
        with self._lock:
            for clip in clips:
                shard, row = self._place(bucket, clip)
                rows.append(getattr(shard, name)[row])
                if rows[-1].shape != shape:
                    got = f"are {tuple(rows[-1].shape)}, those of {bucket.shards[0]} {tuple(shape)}"
                    raise ShapeError(self._about(name, bucket, clip, got))
            latents = torch.stack(rows)
            if not bool(latents.isfinite().all()):
                broken = next(place for place, row in enumerate(rows) if not bool(row.isfinite().all()))
                raise MovaError(self._about(name, bucket, clips[broken], "hold NaN or infinity"))
        return latents

    def context(
        self,
        bucket: Bucket,
        clips: Sequence[int],
        kinds_B: Sequence[Mapping[str, float]],
        text_mask_B: Tensor,
        caption_B: Tensor,
    ) -> BatchContext:
        """Contexts of these clips.

        Args:
            bucket: where the clips are.
            clips: their numbers.
            kinds_B: of each clip, kinds of context by weight; of those that it has, one is taken.
            text_mask_B: False where the empty text is taken.
            caption_B: in [0, 1), decides between the kinds.
        """
        empty = self.constants.empty_context
        places: dict[bytes, int] = {}
        contexts: list[Tensor] = []
        of_B = []
        for clip, kinds, kept, level in zip(clips, kinds_B, text_mask_B.tolist(), caption_B.tolist(), strict=True):
            with self._lock:
                context = self._context(bucket, clip, kinds, level) if kept else None
                key = b"" if context is None else context.numpy().tobytes()
                if key not in places:
                    places[key] = len(contexts)
                    contexts.append(empty if context is None else pad_context(context, len(empty)))
            of_B.append(places[key])
        return BatchContext(torch.stack(contexts), torch.tensor(of_B))

    def _context(self, bucket: Bucket, clip: int, kinds: Mapping[str, float], level: float) -> Tensor | None:
        shard, row = self._place(bucket, clip)
        there = [(context, kinds[kind]) for kind in kinds if (context := shard.contexts.of(row, kind)) is not None]
        left = level * sum(weight for _, weight in there)
        for context, weight in there:
            left -= weight
            if left < 0:
                return context
        return None

    def _about(self, name: str, bucket: Bucket, clip: int, fault: str) -> str:
        shard, row = self._place(bucket, clip)
        path = self._folder / bucket.shards[bucket.shard_of_N[clip]]
        return f"{path}: {name} latents of clip {shard.header.clip_ids[row]} {fault}: {encode_again(self._folder)}"

    def _place(self, bucket: Bucket, clip: int) -> tuple[LatentShard, int]:
        return self._shard(bucket.shards[bucket.shard_of_N[clip]]), int(bucket.row_of_N[clip])

    def _shard(self, name: str) -> LatentShard:
        if name in self._open:
            self._open.move_to_end(name)
            return self._open[name]
        if name not in self._checked:
            check_file(self._folder / name, self._manifest)
            self._checked.add(name)
        while len(self._open) >= self._keep:
            self._open.popitem(last=False)
        self._open[name] = read_shard(self._folder / name)
        return self._open[name]
