"""A phase's training data: the latents of all of its clips in memory, each different caption padded once.

A nano phase's latents are some 100 MB, so a step only picks rows.
Shape suffixes: N clips, B batch, C channels, T latent frames, h w latent rows and columns, L audio latents, U different
captions, K context positions, W context width.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from mova_core.curation.encode.folder_constants import FolderConstants
from mova_core.curation.encode.latent_shards import LatentShard, open_shard
from mova_core.curation.encode.latents_manifest import INDEX_FILE
from mova_core.curation.tables import read_table
from mova_core.errors import UsageError
from mova_core.model.condition import condition_from
from mova_core.model.dual_tower import LatentPair
from mova_core.model.text.padding import pad_context
from mova_core.training.recipe import Phase


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


@dataclass(frozen=True, slots=True)
class LatentSet:
    """Clips of one phase and split.

    Args:
        clip_ids: in row order.
        video: [N, C, T, h, w].
        conditions: condition latents [N, C, T, h, w] of each clip's first frame.
        white: those of a white image [C, T, h, w].
        audio: [N, C, L].
        contexts: padded contexts [U + 1, K, W], the empty text's last.
        context_of_N: int64, each clip's context.
    """

    clip_ids: tuple[str, ...]
    video: Tensor
    conditions: Tensor
    white: Tensor
    audio: Tensor
    contexts: Tensor
    context_of_N: Tensor

    def __len__(self) -> int:
        return len(self.clip_ids)

    def clean(self, rows_B: Tensor) -> LatentPair:
        """Latents of these rows."""
        return LatentPair(self.video[rows_B], self.audio[rows_B])

    def condition(self, rows_B: Tensor, given_B: Tensor) -> Tensor:
        """Mask and condition latents [B, C', T, h, w]: the clip's own first frame where given, else a white one."""
        return condition_from(torch.where(given_B.view(-1, 1, 1, 1, 1), self.conditions[rows_B], self.white))

    def context(self, rows_B: Tensor, text_mask_B: Tensor) -> BatchContext:
        """Contexts of these rows, the empty text's where the mask is False."""
        empty = len(self.contexts) - 1
        of_batch, of_B = torch.where(text_mask_B, self.context_of_N[rows_B], empty).unique(return_inverse=True)
        return BatchContext(self.contexts[of_batch], of_B)


def load_latents(folder: Path, phase: Phase, *, normalize_loudness: bool) -> dict[str, LatentSet]:
    """The phase's clips of both splits, `train` and `validation`, in the order of the index.

    Args:
        folder: of one geometry's shards.
        phase: which; the index names the phases of each clip.
        normalize_loudness: whether the audio is taken at the set loudness instead of as it is.

    Raises:
        UsageError: not encoded.
        StaleError: a shard or the index is not what the manifest lists.
        MovaError: NaN or infinity.
    """
    index = read_table(folder / INDEX_FILE, "latents")
    shards = {name: open_shard(folder / name) for name in sorted({row["path"] for row in index})}
    sets = {}
    for split in ("train", "validation"):
        places = [
            (shards[row["path"]], row["row"]) for row in index if row["split"] == split and phase.name in row["phases"]
        ]
        if places:
            sets[split] = _gather(places, folder, phase.caption, normalize_loudness=normalize_loudness)
    return sets


def _gather(
    places: list[tuple[LatentShard, int]], folder: Path, caption: str, *, normalize_loudness: bool
) -> LatentSet:
    constants = FolderConstants.read(folder)
    shapes = {tuple(shard.video.shape[1:]) for shard, _ in places}
    if len(shapes) > 1:
        raise UsageError(
            f"{folder} holds video latents of {len(shapes)} shapes, a batch must have one: train on one canvas"
        )
    texts: dict[bytes, int] = {}
    contexts: list[Tensor] = []
    context_of = []
    for shard, row in places:
        context = shard.contexts.of(row, caption)
        key = b"" if context is None else context.numpy().tobytes()
        if key not in texts:
            texts[key] = len(contexts)
            contexts.append(
                constants.empty_context if context is None else pad_context(context, len(constants.empty_context))
            )
        context_of.append(texts[key])
    return LatentSet(
        tuple(shard.header.clip_ids[row] for shard, row in places),
        torch.stack([shard.video[row] for shard, row in places]),
        torch.stack([shard.condition[row] for shard, row in places]),
        constants.white(*shapes.pop()[-2:]),
        torch.stack([(shard.audio_lufs if normalize_loudness else shard.audio)[row] for shard, row in places]),
        torch.stack([*contexts, constants.empty_context]),
        torch.tensor(context_of),
    )
