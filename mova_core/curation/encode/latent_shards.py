"""Latent shards: what training reads instead of clips, in files of up to params.encode.clips_per_shard clips.

Tensors of a shard of N clips, all of one canvas, or all of audio alone (then without the first three):
    video             [N, C, T, h, w] float32   video latents
    condition         [N, C, T, h, w] float32   latents of the first frame, with grey ones after it
    condition_last    [N, C, 1, h, w] float32   the last latent frame of the same where the last frame is known too; the
                                                others do not change, as a latent frame depends on none that comes later
    audio             [N, C, L] float32         audio latents at the recorded loudness
    audio_lufs        [N, C, L] float32         audio latents at the loudness of params.encode.target_lufs
    contexts          [tokens, width] float32   every different text context of the shard, one after the other
    context_offsets   [texts + 1] int64         context i is contexts[context_offsets[i] : context_offsets[i + 1]]
    context_index     [N, 6] int32              a context per kind (`CONTEXT_KINDS`), -1 where there is none
Metadata: `latents_file.py`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import safe_open
from torch import Tensor

from mova_core.curation.encode.latents_file import FileHeader, read_header
from mova_core.errors import MovaError, ShapeError
from mova_core.storage.atomic import atomic_path

VIDEO_LATENTS = ("video", "condition", "condition_last")
LATENTS = (*VIDEO_LATENTS, "audio", "audio_lufs")  # tensors with a row for each clip
CAPTION_KINDS = ("visual", "speech", "sound", "merged")  # columns of table `captions`
CONTEXT_KINDS = (*CAPTION_KINDS, "merged_with_duration", "merged_without_subtitles")

Texts = tuple[str | None, ...]  # of one clip, in the order of CONTEXT_KINDS


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
    """One shard, in memory or mapped.

    Args:
        header: where it comes from, and whose rows these are.
        video: [N, C, T, h, w]; None for audio alone, as the next two.
        condition: [N, C, T, h, w].
        condition_last: [N, C, 1, h, w].
        audio: [N, C, L].
        audio_lufs: [N, C, L].
        contexts: the texts of the rows.

    Raises:
        ShapeError: a tensor has no row for each clip.
    """

    header: FileHeader
    video: Tensor | None
    condition: Tensor | None
    condition_last: Tensor | None
    audio: Tensor
    audio_lufs: Tensor
    contexts: TextContexts

    def __post_init__(self) -> None:
        clips = len(self.header.clip_ids)
        for name, tensor in {**self.latents, "context_index": self.contexts.index}.items():
            if len(tensor) != clips:
                raise ShapeError(f"{name} has {len(tensor)} rows, the shard has {clips} clips")

    def __len__(self) -> int:
        return len(self.header.clip_ids)

    @property
    def latents(self) -> dict[str, Tensor]:
        """The latents that it holds, by name."""
        return {name: tensor for name in LATENTS if (tensor := getattr(self, name)) is not None}

    def check_finite(self) -> None:
        """Look at every number; MovaError where latents hold NaN or infinity."""
        for name, tensor in self.latents.items():
            finite = torch.isfinite(tensor).flatten(1).all(1)
            if not bool(finite.all()):
                clip_id = self.header.clip_ids[int(finite.logical_not().nonzero()[0])]
                raise MovaError(f"{name} latents of clip {clip_id} hold NaN or infinity")


def write_shard(path: Path, shard: LatentShard) -> None:
    """Write one shard atomically; the same shard gives the same bytes."""
    tensors = shard.latents | {
        "contexts": shard.contexts.flat,
        "context_offsets": shard.contexts.offsets,
        "context_index": shard.contexts.index,
    }
    with atomic_path(path) as temporary:
        safetensors.torch.save_file(tensors, temporary, shard.header.metadata())


def read_shard(path: Path) -> LatentShard:
    """One shard, mapped: a row is read when it is looked at. Whether it is the manifest's: `latents_file.check_file`.

    Raises:
        ShapeError: tensors that do not fit each other.
    """
    with safe_open(path, framework="pt") as file:
        header = read_header(file)
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    contexts = TextContexts(tensors["contexts"], tensors["context_offsets"], tensors["context_index"])
    latents: dict[str, Any] = {name: tensors.get(name) if name in VIDEO_LATENTS else tensors[name] for name in LATENTS}
    return LatentShard(header, contexts=contexts, **latents)
