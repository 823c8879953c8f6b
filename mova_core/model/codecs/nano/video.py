"""The nano preset's video codec: principal components of blocks, in the layout of the Wan VAE's latents.

The first frame alone, 8 x 8 pixels x 3 colours to 16 channels; then 4 frames together, 4 x 8 x 8 x 3 to 16 channels:
1 + (F - 1) / 4 latent frames, each side an eighth. All blocks share one transform, so one codec serves every
frame size. The decoder adds a correction predicted from the 3 x 3 latents around a block (`residual_regression`).

Shape suffixes: B batch; F frames, H W pixels; T latent frames, h w latent pixels; C channels, D numbers of a block.
Videos are [B, 3, F, H, W] in -1..1, latents [B, C, T, h, w] with unit variance, both float32.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from mova_core.errors import ShapeError
from mova_core.geometry import VIDEO_FRAMES_PER_LATENT, VIDEO_PIXELS_PER_LATENT
from mova_core.model.codecs.nano.half_whitened_pca import HalfWhitenedPca, Moments, with_unit_variance
from mova_core.model.codecs.nano.residual_regression import Regression, around_pixels

COLOURS = 3
FIRST_BLOCK = COLOURS * VIDEO_PIXELS_PER_LATENT**2
REST_BLOCK = FIRST_BLOCK * VIDEO_FRAMES_PER_LATENT


@dataclass(frozen=True, slots=True)
class NanoVideoCodec:
    """Videos to latents and back.

    Args:
        first: components of a block of the first frame.
        rest: components of a block of 4 later frames.
        first_around: weights [9 C, D] from the latents around a block of the first frame to the residual of `first`.
        rest_around: the same for later frames.
    """

    first: HalfWhitenedPca
    rest: HalfWhitenedPca
    first_around: Tensor
    rest_around: Tensor

    @classmethod
    def fit(cls, videos: Callable[[], Iterable[Tensor]], channels: int) -> "NanoVideoCodec":
        """Fit on videos [B, 3, F, H, W] of any sizes but one length, F > 1.

        Args:
            videos: called twice, gives the same videos each time.
            channels: numbers per latent pixel.

        Raises:
            MovaError: no codec can be fitted to them (see `HalfWhitenedPca.fit`).
        """
        moments, later_latents = (Moments(FIRST_BLOCK), Moments(REST_BLOCK)), 1
        for video in videos():
            later_latents = _latent_frames(video) - 1
            for sums, blocks in zip(moments, _both_blocks(video), strict=True):
                sums.add(blocks)
        first, rest = (HalfWhitenedPca.fit(sums, channels) for sums in moments)
        first, rest = with_unit_variance([(first, 1), (rest, later_latents)])

        losses = Regression(9 * channels, FIRST_BLOCK), Regression(9 * channels, REST_BLOCK)
        for video in videos():
            for part, loss, blocks in zip((first, rest), losses, _both_blocks(video), strict=True):
                latents = part.encode(blocks)
                loss.add(around_pixels(latents), blocks - part.decode(latents))
        return cls(first, rest, *(loss.solve() for loss in losses))

    def encode(self, video: Tensor) -> Tensor:
        """Latents of videos.

        Raises:
            ShapeError: not [B, 3, 4k + 1, 8h, 8w].
        """
        _latent_frames(video)
        first, rest = _both_blocks(video)
        latents_BThwC = torch.cat([self.first.encode(first), self.rest.encode(rest)], dim=1)
        return latents_BThwC.permute(0, 4, 1, 2, 3).contiguous()

    def decode(self, latents: Tensor) -> Tensor:
        """Videos of latents; not clipped to -1..1.

        Raises:
            ShapeError: not [B, C, T, h, w] with this codec's channels.
        """
        channels = self.first.basis_CD.shape[0]
        if latents.ndim != 5 or latents.shape[1] != channels:
            raise ShapeError(f"video latents are {tuple(latents.shape)}, expected [B, {channels}, T, h, w]")
        latents_BThwC = latents.permute(0, 2, 3, 4, 1)
        first, rest = latents_BThwC[:, :1], latents_BThwC[:, 1:]
        first_blocks = self.first.decode(first) + around_pixels(first) @ self.first_around
        rest_blocks = self.rest.decode(rest) + around_pixels(rest) @ self.rest_around
        return torch.cat([_frames(first_blocks, 1), _frames(rest_blocks, VIDEO_FRAMES_PER_LATENT)], dim=2)


def _latent_frames(video: Tensor) -> int:
    if video.ndim == 5:
        _, colours, frames, height, width = video.shape
        sides_fit = height % VIDEO_PIXELS_PER_LATENT == 0 and width % VIDEO_PIXELS_PER_LATENT == 0
        if colours == COLOURS and frames % VIDEO_FRAMES_PER_LATENT == 1 and sides_fit:
            return (frames - 1) // VIDEO_FRAMES_PER_LATENT + 1
    raise ShapeError(f"video is {tuple(video.shape)}, expected [B, {COLOURS}, 4k + 1, 8h, 8w]")


def _both_blocks(video: Tensor) -> tuple[Tensor, Tensor]:
    """Blocks of the first frame, and of the later ones."""
    return _blocks(video[:, :, :1], 1), _blocks(video[:, :, 1:], VIDEO_FRAMES_PER_LATENT)


def _blocks(video: Tensor, frames: int) -> Tensor:
    """[B, 3, T frames, 8 h, 8 w] to [B, T, h, w, D]."""
    side = VIDEO_PIXELS_PER_LATENT
    cut = video.unflatten(4, (-1, side)).unflatten(3, (-1, side)).unflatten(2, (video.shape[2] // frames, frames))
    return cut.permute(0, 2, 4, 6, 1, 3, 5, 7).flatten(4)


def _frames(blocks_BThwD: Tensor, frames: int) -> Tensor:
    """The inverse of `_blocks`."""
    side = VIDEO_PIXELS_PER_LATENT
    cut = blocks_BThwD.unflatten(4, (COLOURS, frames, side, side))
    return cut.permute(0, 4, 1, 5, 2, 6, 3, 7).flatten(6, 7).flatten(4, 5).flatten(2, 3)
