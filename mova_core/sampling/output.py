"""Clean latents to clips: frames, and audio exactly as long."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mova_core.geometry import ClipGeometry
from mova_core.media.audio.loudness import normalise_loudness
from mova_core.media.provenance import Try
from mova_core.model.frozen import Frozen
from mova_core.model.pixels import to_bytes
from mova_core.model.towers.dual_tower import LatentPair
from mova_core.sampling.inputs import ClipInputs, Frames, Waveform
from mova_core.sampling.settings import GenerateSettings
from mova_core.sampling.tasks import CLIP_TASKS


@dataclass(frozen=True, slots=True)
class Output:
    """Clips in the order of the prompts.

    Attributes:
        videos: uint8 [F, H, W, 3] each; none of clips that are audio alone.
        audios: float32 [S] in -1..1 each, exactly as long as the video; none of clips that are video alone.
        latents: those that were decoded to these clips; of clips that were extended, those of the last piece.
        geometry: their frame and sample rate; of clips that were extended, that of a piece.
        tries: of each clip, the seeds that were tried; none where its own seed did well, or was not judged.
    """

    videos: list[Frames]
    audios: list[Waveform]
    latents: LatentPair
    geometry: ClipGeometry
    tries: list[tuple[Try, ...]]

    @property
    def video(self) -> Frames:
        return self.videos[0]

    @property
    def audio(self) -> Waveform:
        return self.audios[0]


@torch.no_grad()
def decode(codecs: Frozen, latents: LatentPair, settings: GenerateSettings, clips: Sequence[ClipInputs] = ()) -> Output:
    """Frames and audio of clean latents, the audio as long as the video.

    Args:
        codecs: of the model.
        latents: of a batch.
        settings: length of the clips, loudness.
        clips: that the latents are of, where something is given or absent: a given modality comes out as it was given,
            with frames on the canvas; of one that is absent there is none.
    """
    task = clips[0].task if clips else CLIP_TASKS["text_to_both"]
    videos: list[Frames] = []
    audios: list[Waveform] = []
    if task.model.video == "noised":
        videos = [to_bytes(codecs.video.decode(video[None]).cpu())[0].numpy() for video in latents.video.cpu()]
    elif task.model.video == "given":
        videos = [clip.video for clip in clips if clip.video is not None]
    if task.model.audio == "noised":
        audios = [_audio(codecs, audio, settings) for audio in latents.audio.cpu()]
    elif task.model.audio == "given":
        audios = [clip.audio for clip in clips if clip.audio is not None]
    return Output(videos, audios, latents, settings.clip_geometry, [()] * len(latents.video))


def _audio(codecs: Frozen, latents_CL: Tensor, settings: GenerateSettings) -> Waveform:
    geometry = settings.clip_geometry
    # Of a last token's latents only those that the clip reaches into are decoded.
    audio = latents_CL[None, :, : geometry.audio_latents]
    samples = codecs.audio.decode(audio, geometry.audio_samples)[0].cpu().clamp(-1, 1).numpy()
    return at_target(samples, settings)


def at_target(samples: Waveform, settings: GenerateSettings) -> Waveform:
    """Audio at the loudness asked for; as it is where none is."""
    if settings.target_lufs is None:
        return samples
    rate_hz = settings.clip_geometry.audio_rate_hz
    return normalise_loudness(samples, rate_hz, settings.target_lufs, settings.highest_dbtp)
