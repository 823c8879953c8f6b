"""A phase's training data: the latents of all of its clips in memory, each different caption padded once.

A nano phase's latents are some 100 MB, so a step only picks rows.
Shape suffixes: N clips, B batch, C channels, T latent frames, h w latent rows and columns, L audio latents, U different
captions, K context positions, W context width.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from mova_core.curation.encode.latent_shards import LatentShard, open_shard
from mova_core.curation.encode.latents_manifest import INDEX_FILE, encode_again, read_latents_manifest
from mova_core.curation.tables import read_table
from mova_core.errors import StaleError, UsageError
from mova_core.geometry import VIDEO_FRAMES_PER_LATENT, Canvas
from mova_core.model.condition import condition_from, known_frames, white_image
from mova_core.model.dual_tower import LatentPair
from mova_core.model.model_folder import VideoCodec
from mova_core.model.pixels import to_unit_range
from mova_core.model.text.nano_encoder import NanoTextEncoder
from mova_core.model.text.nano_text import NanoText, pad_context
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
        audio: [N, C, L].
        contexts: padded contexts [U + 1, K, W], the empty text's last.
        context_of_N: int64, each clip's context.
    """

    clip_ids: tuple[str, ...]
    video: Tensor
    audio: Tensor
    contexts: Tensor
    context_of_N: Tensor

    def __len__(self) -> int:
        return len(self.clip_ids)

    def clean(self, rows_B: Tensor) -> LatentPair:
        """Latents of these rows."""
        return LatentPair(self.video[rows_B], self.audio[rows_B])

    def context(self, rows_B: Tensor, text_mask_B: Tensor) -> "BatchContext":
        """Contexts of these rows, the empty text's where the mask is False."""
        empty = len(self.contexts) - 1
        of_batch, of_B = torch.where(text_mask_B, self.context_of_N[rows_B], empty).unique(return_inverse=True)
        return BatchContext(self.contexts[of_batch], of_B)


@dataclass(frozen=True, slots=True)
class ImageConditions:
    """What conditions are made of: a clip's first latent frame is its first frame encoded alone.

    Args:
        white: first latent frame of a white image [C, 1, h, w].
        grey: the later latent frames of a grey clip [C, T - 1, h, w].
    """

    white: Tensor
    grey: Tensor

    @classmethod
    def of(cls, codec: VideoCodec, canvas: Canvas, latent_frames: int) -> "ImageConditions":
        """Both, of this codec."""
        image = torch.from_numpy(white_image(canvas.height_px, canvas.width_px))
        frames = (latent_frames - 1) * VIDEO_FRAMES_PER_LATENT + 1
        (latents,) = codec.encode(known_frames(to_unit_range(image[None])[None, :, 0], frames))
        return cls(latents[:, :1].clone(), latents[:, 1:].clone())

    def condition(self, video: Tensor, given_B: Tensor) -> Tensor:
        """Mask and condition latents [B, C', T, h, w]: the clip's own first frame where it is given, else white."""
        first = torch.where(given_B.view(-1, 1, 1, 1, 1), video[:, :, :1], self.white)
        grey = self.grey.expand(len(video), *self.grey.shape)
        return condition_from(torch.cat([first, grey], dim=2))


def load_latents(folder: Path, phase: Phase, *, normalize_loudness: bool) -> dict[str, LatentSet]:
    """The phase's clips of both splits, `train` and `validation`, in the order of the index.

    Args:
        folder: of one geometry's shards.
        phase: which; the index names the phases of each clip.
        normalize_loudness: whether the audio is taken at the set loudness instead of as it is.

    Raises:
        UsageError: not encoded.
        StaleError: a shard or the index is not what the manifest lists, or another text encoder made it.
        MovaError: NaN or infinity.
    """
    manifest = read_latents_manifest(folder)
    if (got := manifest.text_encoder) != (expected := NanoTextEncoder().fingerprint):
        raise StaleError(
            f"{folder} has contexts of text encoder {got[:12]}, this version has {expected[:12]}: "
            f"{encode_again(folder)}"
        )
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
    shapes = {tuple(shard.video.shape[1:]) for shard, _ in places}
    if len(shapes) > 1:
        raise UsageError(
            f"{folder} holds video latents of {len(shapes)} shapes, a batch must have one: train on one canvas"
        )
    texts: dict[bytes, int] = {}
    contexts: list[Tensor] = []
    context_of = []
    text = NanoText()
    for shard, row in places:
        context = shard.contexts.of(row, caption)
        key = b"" if context is None else context.numpy().tobytes()
        if key not in texts:
            texts[key] = len(contexts)
            contexts.append(text.encode([""])[0] if context is None else pad_context(context))
        context_of.append(texts[key])
    return LatentSet(
        tuple(shard.header.clip_ids[row] for shard, row in places),
        torch.stack([shard.video[row] for shard, row in places]),
        torch.stack([(shard.audio_lufs if normalize_loudness else shard.audio)[row] for shard, row in places]),
        torch.stack([*contexts, text.encode([""])[0]]),
        torch.tensor(context_of),
    )
