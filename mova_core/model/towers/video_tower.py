"""The video tower: Wan2.2 I2V shape, tokens of 2×2 latents in one latent frame, 3-D rotary positions.

Input channels: 16 noisy latents, 4 mask, 16 condition latents (see `condition.py`); output 16 channels of velocity.
Shape suffixes: B batch, C channels, T latent frames, H W latent rows and columns.
"""

import torch
from torch import Tensor, nn

from mova_core.errors import ShapeError
from mova_core.model.pretrained.diffusers_import import register_to_config
from mova_core.model.towers.rope import video_angles
from mova_core.model.towers.tower import Tower


class VideoTower(Tower):
    """One video expert; the config fields are those of a released `video_dit/config.json`.

    Raises:
        UsageError: a field describes a part that MOVA's towers do not have.
        ShapeError: sizes do not fit each other.
    """

    @register_to_config
    def __init__(
        self,
        dim: int,
        in_dim: int,
        ffn_dim: int,
        out_dim: int,
        text_dim: int,
        freq_dim: int,
        eps: float,
        patch_size: tuple[int, int, int],
        num_heads: int,
        num_layers: int,
        rope_theta: float = 10000.0,
        has_image_input: bool = False,
        has_image_pos_emb: bool = False,
        has_ref_conv: bool = False,
        add_control_adapter: bool = False,
        seperated_timestep: bool = False,  # sic: the released config spells it so
        fuse_vae_embedding_in_latents: bool = False,
        require_clip_embedding: bool = False,  # without has_image_input it has no part in the model
        require_vae_embedding: bool = True,
        in_dim_control_adapter: int = 24,
    ) -> None:
        frames, rows, columns = patch_size
        patch = (frames, rows, columns)
        super().__init__(nn.Conv3d(in_dim, dim, kernel_size=patch, stride=patch))
        self.patch_size = patch
        self.rope_theta = rope_theta

    def patchify(self, latent: Tensor) -> tuple[Tensor, tuple[int, ...]]:
        """[B, C, T, H, W] to tokens in order frame, row, column (column fastest).

        Raises:
            ShapeError: the latent does not divide into patches.
        """
        if latent.ndim != 5 or any(size % step for size, step in zip(latent.shape[2:], self.patch_size, strict=True)):
            raise ShapeError(
                f"video latent has shape {tuple(latent.shape)}, expected [B, C, T, H, W] in steps of {self.patch_size}"
            )
        patches = self.patch_embedding(latent)
        return patches.flatten(2).transpose(1, 2), tuple(patches.shape[2:])

    def unpatchify(self, patches: Tensor, grid: tuple[int, ...]) -> Tensor:
        """[B, S, frame × row × column × channel of a patch, channel fastest] to [B, C, T, H, W]."""
        frames, rows, columns = grid
        x = patches.unflatten(-1, (*self.patch_size, -1)).unflatten(1, grid)
        x = torch.einsum("bfhwxyzc->bcfxhywz", x)
        step = self.patch_size
        return x.reshape(len(x), x.shape[1], frames * step[0], rows * step[1], columns * step[2])

    def positions(self, grid: tuple[int, ...]) -> Tensor:
        """Rotary angles of frame, row and column."""
        frames, rows, columns = grid
        return video_angles(frames, rows, columns, self.head_dim, self.rope_theta)
