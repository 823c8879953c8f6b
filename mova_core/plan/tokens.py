"""Tokens of one clip, and the bytes of its latents."""

from dataclasses import dataclass

from mova_core.geometry import ClipGeometry

LATENT_BYTES = 4  # latents and contexts are stored in float32 (`curation.encode.latent_shards`)


@dataclass(frozen=True, slots=True)
class ClipTokens:
    """How many tokens of each kind a clip has."""

    video: int
    audio: int
    text: int


def clip_tokens(geometry: ClipGeometry, text: int) -> ClipTokens:
    """Tokens of a clip on the geometry's first canvas, with a context of `text` positions."""
    return ClipTokens(geometry.video_tokens(geometry.canvases[0]), geometry.audio_tokens, text)


def latent_bytes(geometry: ClipGeometry, video_channels: int, audio_channels: int) -> int:
    """Bytes of a clip's video and audio latents, and of those that condition it."""
    canvas = geometry.canvases[0]
    video = video_channels * geometry.latent_frames * canvas.latent_height * canvas.latent_width
    return LATENT_BYTES * (2 * video + audio_channels * geometry.audio_latents)
