"""Clean latents to clips: frames, and audio exactly as long."""

from dataclasses import dataclass

import torch

from mova_core.geometry import ClipGeometry
from mova_core.media.audio.loudness import normalise_loudness
from mova_core.model.frozen import Frozen
from mova_core.model.pixels import to_bytes
from mova_core.model.towers.dual_tower import LatentPair
from mova_core.sampling.inputs import Frames, Waveform
from mova_core.sampling.settings import GenerateSettings


@dataclass(frozen=True, slots=True)
class Output:
    """Clips in the order of the prompts.

    Attributes:
        videos: uint8 [F, H, W, 3] each.
        audios: float32 [S] in -1..1 each, exactly as long as the video.
        latents: those that were decoded to these clips.
        geometry: their frame and sample rate.
    """

    videos: list[Frames]
    audios: list[Waveform]
    latents: LatentPair
    geometry: ClipGeometry

    @property
    def video(self) -> Frames:
        return self.videos[0]

    @property
    def audio(self) -> Waveform:
        return self.audios[0]


@torch.no_grad()
def decode(codecs: Frozen, latents: LatentPair, settings: GenerateSettings) -> Output:
    """Frames and audio of clean latents, the audio as long as the video."""
    geometry = settings.clip_geometry
    videos, audios = [], []
    for video, audio in zip(latents.video.cpu(), latents.audio.cpu(), strict=True):
        videos.append(to_bytes(codecs.video.decode(video[None]).cpu())[0].numpy())
        # Of a last token's latents only those that the clip reaches into are decoded.
        audio = audio[None, :, : geometry.audio_latents]
        samples = codecs.audio.decode(audio, geometry.audio_samples)[0].cpu().clamp(-1, 1).numpy()
        if settings.target_lufs is not None:
            rate_hz, highest = geometry.audio_rate_hz, settings.highest_dbtp
            samples = normalise_loudness(samples, rate_hz, settings.target_lufs, highest)
        audios.append(samples)
    return Output(videos, audios, latents, geometry)
