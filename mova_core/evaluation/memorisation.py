"""Whether generated clips are copies of training clips: how near the nearest one is, beside how near it is to new data.

Distances are those of latents, video and audio alike by their mean squares. Held-out clips of the data say how near a
clip comes that was never trained on: one that is nearer than 95 % of them is called memorised. A model that draws from
the data has about 5 % of such clips, one that recites its training clips has all.
Training clips are read block by block, each once; at full size a frame's latents are averaged to 8 x 8 cells before.

Shape suffixes: N clips, D numbers of a clip.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from mova_core.curation.encode.clip_encoder import ClipEncoder
from mova_core.curation.encode.latents_manifest import read_latents_manifest
from mova_core.errors import MovaError, StaleError
from mova_core.evaluation.catalogue import CATALOGUE
from mova_core.evaluation.measure import entry, entry_of
from mova_core.evaluation.measuring.aggregate import aggregate
from mova_core.measures.clip import Clip
from mova_core.model.model_folder import Components
from mova_core.model.pixels import to_unit_range
from mova_core.params import Params
from mova_core.params.evaluation import EvaluateParams
from mova_core.registry.manifests import Metric
from mova_core.training.data.clips import ClipReader
from mova_core.training.data.index import Bucket, buckets_of
from mova_core.training.preflight import Places
from mova_core.training.recipe import Phase

SHARE, RATIO = "memorised_share", "nearest_training_ratio"
QUANTILE = 0.05  # of held-out clips: few enough, and no one odd clip among them decides
CELLS = 8  # along each side of a frame's latents, at most
BLOCK = 64  # training clips that are compared at once


def memorisation(
    clips: Sequence[Clip], model: Components, phase: Phase, params: Params, places: Places
) -> dict[str, Metric]:
    """Both metrics; unavailable, with the reason, where there are no latents of this codec to compare with.

    Args:
        clips: generated, at the geometry of the phase.
        model: that generated them, for its codecs.
        phase: whose training clips are compared.
        params: all sections.
        places: where latents lie.
    """
    try:
        nearest, held_out = _nearest(clips, model, phase, params, places)
    except MovaError as error:
        return {name: entry(name, unavailable=str(error)) for name in (SHARE, RATIO)}
    near = float(np.quantile(held_out, QUANTILE, method="lower"))
    return {
        SHARE: _mean(SHARE, nearest < near, held_out < near, params.evaluate),
        RATIO: _mean(RATIO, nearest / held_out.mean(), held_out / held_out.mean(), params.evaluate),
    }


def _mean(name: str, values: NDArray[np.generic], data: NDArray[np.generic], section: EvaluateParams) -> Metric:
    found = aggregate(CATALOGUE[name], [(float(value), 1.0) for value in values], [None] * len(values), section)
    return entry_of(name, found, data=float(data.mean()))


def _nearest(
    clips: Sequence[Clip], model: Components, phase: Phase, params: Params, places: Places
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Distance of each generated clip, and of each held-out clip, to the nearest training clip.

    Raises:
        UsageError, StaleError, MovaError: no latents, other codecs, or no clips to compare with.
    """
    folder = places.latents(phase, params)
    manifest, codec = read_latents_manifest(folder), model.parts.codec_fingerprint()
    if manifest.codec != codec:
        raise StaleError(f"{folder} was made by codec {manifest.codec[:12]}, the model has {codec[:12]}")
    encoder, generated = ClipEncoder(model), []
    for clip in clips:
        audio = encoder.audio(torch.from_numpy(clip.audio)[None])
        video = encoder.video(to_unit_range(torch.from_numpy(clip.frames))[None]) if phase.joint else None
        generated.append(_row(video, audio))
    latents = _Latents(folder, phase, params, generated[0].shape[1])
    held_out = torch.cat([block for block in latents.blocks("validation")])
    queries = torch.cat([*generated, held_out])
    nearest_N = torch.full((len(queries),), torch.inf)
    for block in latents.blocks("train"):
        nearest_N = torch.minimum(nearest_N, torch.cdist(queries, block).min(dim=1).values)
    distances = nearest_N.double().numpy()
    return distances[: len(clips)], distances[len(clips) :]


class _Latents:
    """Clips of a folder of latents as rows [N, D], those that have the size of generated ones.

    Args:
        folder: of the phase's geometry; clips of every phase that has it count.
        phase: decides between audio alone and both, and the loudness of the audio.
        params: section `train`.
        size: D.
    """

    def __init__(self, folder: Path, phase: Phase, params: Params, size: int) -> None:
        self._folder, self._joint, self._size = folder, phase.joint, size
        self._audio = "audio_lufs" if phase.params(params.train).normalize_loudness else "audio"
        self._reader = ClipReader(folder, params.train.shards_in_memory)

    def blocks(self, split: str) -> Iterator[Tensor]:
        """The clips of a split; MovaError where there are none."""
        found = False
        for bucket in buckets_of(self._folder, None, split, by_canvas=self._joint):
            for start in range(0, len(bucket), BLOCK):
                block = self._rows(bucket, range(start, min(start + BLOCK, len(bucket))))
                if block.shape[1] == self._size:
                    found = True
                    yield block
        if not found:
            raise MovaError(f"{self._folder} has no clip of split {split} of the generated clips' size")

    def _rows(self, bucket: Bucket, clips: Sequence[int]) -> Tensor:
        video = self._reader.latents("video", bucket, clips) if self._joint else None
        return _row(video, self._reader.latents(self._audio, bucket, clips))


def _row(video: Tensor | None, audio: Tensor) -> Tensor:
    """Latents [N, …] of clips as rows [N, D] whose Euclidean distance is the root of the modalities' mean squares."""
    parts = [audio.flatten(1)]
    if video is not None:
        height, width = (min(side, CELLS) for side in video.shape[-2:])
        parts.append(adaptive_avg_pool2d(video.flatten(1, 2), (height, width)).flatten(1))
    return torch.cat([part / (len(parts) * part.shape[1]) ** 0.5 for part in parts], dim=1).float()
