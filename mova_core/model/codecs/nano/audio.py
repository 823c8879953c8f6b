"""The nano preset's audio codec: a lapped transform (MDCT) of each hop, then principal components.

A latent is one hop (20 ms at the nano geometries) as 16 channels; latent k stands for the samples
[k hop, (k + 1) hop). The last hop is filled up with silence. The decoder adds a correction
predicted from the hops before and after (`residual_regression`).

Shape suffixes: B batch, S samples, L latents (hops), C channels. Waveforms are [B, S] in -1..1, latents [B, C, L] with
unit variance, both float32.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from torch import Tensor

from mova_core.errors import ShapeError
from mova_core.model.codecs.nano.half_whitened_pca import HalfWhitenedPca, Moments, with_unit_variance
from mova_core.model.codecs.nano.mdct import inverse_mdct, mdct
from mova_core.model.codecs.nano.residual_regression import Regression, around_hops


@dataclass(frozen=True, slots=True)
class NanoAudioCodec:
    """Waveforms to latents and back.

    Args:
        hop: principal components of the transform of one hop; its D is the hop in samples.
        hop_around: weights [3 C, D] from the latents around a hop to the residual of `hop`.
    """

    hop: HalfWhitenedPca
    hop_around: Tensor

    @classmethod
    def fit(cls, waveforms: Callable[[], Iterable[Tensor]], hop: int, channels: int) -> "NanoAudioCodec":
        """Fit on waveforms [B, S].

        Args:
            waveforms: called twice, gives the same waveforms each time.
            hop: samples per latent.
            channels: numbers per latent.

        Raises:
            MovaError: no codec can be fitted to them (see `HalfWhitenedPca.fit`).
        """
        moments = Moments(hop)
        for audio_BS in waveforms():
            moments.add(mdct(audio_BS, hop))
        (part,) = with_unit_variance([(HalfWhitenedPca.fit(moments, channels), 1)])

        loss = Regression(3 * channels, hop)
        for audio_BS in waveforms():
            blocks_BLN = mdct(audio_BS, hop)
            latents_BLC = part.encode(blocks_BLN)
            loss.add(around_hops(latents_BLC), blocks_BLN - part.decode(latents_BLC))
        return cls(part, loss.solve())

    @property
    def hop_samples(self) -> int:
        return self.hop.mean_D.shape[0]

    def encode(self, audio_BS: Tensor) -> Tensor:
        """Latents [B, C, ceil(S / hop)] of waveforms [B, S]; ShapeError if they are not that."""
        return self.hop.encode(mdct(audio_BS, self.hop_samples)).transpose(1, 2).contiguous()

    def decode(self, latents_BCL: Tensor, samples: int) -> Tensor:
        """Waveforms [B, samples]; not clipped to -1..1.

        Raises:
            ShapeError: not [B, C, L] with this codec's channels, or `samples` is not within the last hop.
        """
        channels = self.hop.basis_CD.shape[0]
        if latents_BCL.ndim != 3 or latents_BCL.shape[1] != channels:
            raise ShapeError(f"audio latents are {tuple(latents_BCL.shape)}, expected [B, {channels}, L]")
        latents_BLC = latents_BCL.transpose(1, 2)
        return inverse_mdct(self.hop.decode(latents_BLC) + around_hops(latents_BLC) @ self.hop_around, samples)
