"""One file of a folder of latents, made in a worker: a shard of clips, or what all of them share."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from mova_core.curation.encode.accepted_clips import Row, canvas_of, load_clip, scaled_down
from mova_core.curation.encode.audio_only.shard_task import AudioShardTask
from mova_core.curation.encode.clip_encoder import ClipEncoder
from mova_core.curation.encode.folder_constants import EMPTY, FolderConstants, white_name
from mova_core.curation.encode.latent_shards import LATENTS, LatentShard, Texts, write_shard
from mova_core.curation.encode.latents_task import LatentsTask
from mova_core.errors import DiskFull, MediaError, MovaError, ShapeError
from mova_core.geometry import ClipGeometry
from mova_core.model.condition import known_frames, white_image
from mova_core.model.pixels import to_unit_range
from mova_core.model.text.padding import pad_context


@dataclass(frozen=True, slots=True)
class ConstantsTask(LatentsTask):
    """The constants of a geometry."""

    def write(self) -> None:
        encoder = self.encoder.load()
        tensors = {EMPTY: pad_context(encoder.context(""), encoder.context_length)}
        for canvas in self.geometry.canvases:
            white = torch.from_numpy(white_image(canvas.height_px, canvas.width_px))
            (latents,) = _condition(encoder, to_unit_range(white[None])[None], self.geometry)
            tensors[white_name(canvas.latent_height, canvas.latent_width)] = latents
        FolderConstants(tensors).write(self.path, self.header)


@dataclass(frozen=True, slots=True)
class ShardTask(LatentsTask):
    """One shard.

    Args:
        clips_folder: where the clips lie.
        clips: rows of table `clips`, all of one orientation.
        texts: captions of each clip.
        target_lufs: loudness of `audio_lufs`.
    """

    clips_folder: Path
    clips: tuple[Row, ...]
    texts: tuple[Texts, ...]
    target_lufs: float

    def write(self) -> None:
        write_shard(self.path, self.latents())

    def latents(self) -> LatentShard:
        """The shard of these clips.

        Raises:
            MediaError: a clip cannot be decoded.
            StaleError: a clip or the codec is not the one that the tables name.
            MovaError: latents that are not finite.
        """
        encoder, geometry = self.encoder.load(), self.geometry
        latents: dict[str, list[Tensor]] = {name: [] for name in LATENTS}
        for clip in self.clips:
            canvas = canvas_of(clip, geometry)
            frames, waveform = load_clip(self.clips_folder, clip, geometry)
            pixels = to_unit_range(torch.from_numpy(scaled_down(frames, canvas)))[None]
            audio, audio_lufs = encoder.audio_and_levelled(waveform, geometry.audio_rate_hz, self.target_lufs)
            of_clip = {
                "video": encoder.video(pixels),
                "condition": _condition(encoder, pixels, geometry),
                "condition_last": _condition(encoder, pixels, geometry, last_known=True)[:, :, -1:],
                "audio": audio,
                "audio_lufs": audio_lufs,
            }
            for name, tensor in of_clip.items():
                latents[name].append(tensor)
            got = (*of_clip["video"].shape[2:], of_clip["audio"].shape[2])
            expected = (geometry.latent_frames, canvas.latent_height, canvas.latent_width, geometry.audio_latents)
            if got != expected:
                raise ShapeError(
                    f"clip {clip['clip_id']} has latents of {got} (T, h, w, L), {geometry.name} {expected}"
                )
        joined = {name: torch.cat(tensors) for name, tensors in latents.items()}
        shard = LatentShard(self.header, contexts=encoder.contexts(self.texts), **joined)
        shard.check_finite()
        return shard


FileTask = ShardTask | AudioShardTask | ConstantsTask


def write_file(task: FileTask) -> None:
    """Make one file in a worker.

    Raises:
        MediaError: why there is no such file; the kind that a worker hands back as a sentence.
        DiskFull: there is no room for it.
    """
    try:
        task.write()
    except DiskFull:
        raise
    except MovaError as error:
        raise MediaError("not_encoded", str(error)) from None


def _condition(
    encoder: ClipEncoder, pixels_B3NHW: Tensor, geometry: ClipGeometry, *, last_known: bool = False
) -> Tensor:
    """Latents [B, C, T, h, w] of the first frame, and the last one where it is known, with grey ones elsewhere."""
    last = pixels_B3NHW[:, :, -1] if last_known else None
    return encoder.video(known_frames(pixels_B3NHW[:, :, 0], geometry.frames, last))
