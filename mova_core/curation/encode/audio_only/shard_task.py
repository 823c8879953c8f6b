"""One shard of windows of files of audio alone, made in a worker: it holds no video."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from mova_core.curation.encode.audio_only.windows import audio_windows
from mova_core.curation.encode.latent_shards import LatentShard, Texts, write_shard
from mova_core.curation.encode.latents_task import LatentsTask
from mova_core.curation.ingest.source_bytes import reading
from mova_core.errors import ShapeError, StaleError


@dataclass(frozen=True, slots=True)
class AudioClip:
    """One window.

    Args:
        clip_id: of table `audio_clips`.
        source_id: sha256 of its file.
        path: where the file lies.
        number: of the window in its file, from 0.
    """

    clip_id: str
    source_id: str
    path: Path
    number: int


@dataclass(frozen=True, slots=True)
class AudioShardTask(LatentsTask):
    """One shard; `clips` in the order of their files, `texts` and `target_lufs` as for `ShardTask`."""

    clips: tuple[AudioClip, ...]
    texts: tuple[Texts, ...]
    target_lufs: float

    def write(self) -> None:
        """Write the shard.

        Raises:
            MediaError: a file cannot be decoded.
            StaleError: a file or the codec is not the one that the tables name.
            MovaError: latents that are not finite.
        """
        encoder, geometry = self.encoder.load(), self.geometry
        audio, audio_lufs = [], []
        for waveform in self._waveforms():
            one, levelled = encoder.audio_and_levelled(waveform, geometry.audio_rate_hz, self.target_lufs)
            audio.append(one)
            audio_lufs.append(levelled)
            if (got := audio[-1].shape[2]) != geometry.audio_latents:
                raise ShapeError(f"a window has {got} audio latents, {geometry.name} {geometry.audio_latents}")
        latents, contexts = (torch.cat(audio), torch.cat(audio_lufs)), encoder.contexts(self.texts)
        shard = LatentShard(self.header, None, None, None, *latents, contexts)
        shard.check_finite()
        write_shard(self.path, shard)

    def _waveforms(self) -> Iterator[NDArray[np.float32]]:
        """Those of the clips in order, each file decoded once."""
        for (path, source_id), clips in groupby(self.clips, key=lambda clip: (clip.path, clip.source_id)):
            wanted = [clip.number for clip in clips]
            with reading(path, source_id):
                found = enumerate(audio_windows(path, self.geometry))
                for number in wanted:
                    window = next((window for at, window in found if at == number), None)
                    if window is None or len(window.audio) != self.geometry.audio_samples:
                        raise StaleError(f"{path} has no whole window {number}: run `mova encode` again")
                    yield np.ascontiguousarray(window.audio)
