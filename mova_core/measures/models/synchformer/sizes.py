"""Sizes of Synchformer's network.

Source: v-iashin/Synchformer, `configs/sync.yaml`; MIT/ast-finetuned-audioset-10-10-0.4593 (strides of patches).
"""

from dataclasses import dataclass

from mova_core.measures.models.synchformer.windows import MEL_BANDS, MEL_FRAMES, SEGMENT_FRAMES

PATCH_FRAMES = 2
AUDIO_STRIDE = 10  # bands and frames from one patch of a mel spectrogram to the next


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes of the network; the defaults are the published ones.

    Args:
        width: of both towers.
        heads: of attention in the towers.
        blocks: of each tower.
        sync_heads: of attention over the features of all segments.
        sync_blocks: of the transformer over these.
        side_px: height and width of frames.
        patch_px: height and width of patches of frames and of mel spectrograms.
    """

    width: int = 768
    heads: int = 12
    blocks: int = 12
    sync_heads: int = 8
    sync_blocks: int = 3
    side_px: int = 224
    patch_px: int = 16

    @property
    def video_tokens(self) -> int:
        """Features of a segment of video."""
        return SEGMENT_FRAMES // PATCH_FRAMES

    @property
    def frame_patches(self) -> int:
        """Patches of one frame."""
        return (self.side_px // self.patch_px) ** 2

    @property
    def audio_grid(self) -> tuple[int, int]:
        """Patches of a mel spectrogram: over bands, over time."""
        bands, frames = ((size - self.patch_px) // AUDIO_STRIDE + 1 for size in (MEL_BANDS, MEL_FRAMES))
        return bands, frames
