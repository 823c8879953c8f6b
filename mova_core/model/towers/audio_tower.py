"""The audio tower: Wan2.1-1.3B shape with 1-D rotary positions along time.

Released checkpoints read one token a latent (patch_size [1]); the nano preset reads four.
Shape suffixes: B batch, C channels, L audio latents.
"""

from torch import Tensor, nn

from mova_core.errors import ShapeError, UsageError
from mova_core.model.pretrained.diffusers_import import register_to_config
from mova_core.model.towers.rope import audio_angles, oobleck_angles
from mova_core.model.towers.tower import Tower


class AudioTower(Tower):
    """The audio tower; the config fields are those of a released `audio_dit/config.json`.

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
        patch_size: tuple[int],
        num_heads: int,
        num_layers: int,
        vae_type: str = "dac",
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
        (patch,) = patch_size
        super().__init__(nn.Conv1d(in_dim, dim, kernel_size=patch, stride=patch))
        if vae_type not in ("dac", "oobleck"):
            raise UsageError(f"AudioTower config has vae_type {vae_type!r}, expected dac or oobleck")
        self.patch_size = patch
        self.rope_theta = rope_theta
        self.vae_type = vae_type

    def patchify(self, latent: Tensor) -> tuple[Tensor, tuple[int, ...]]:
        """[B, C, L] to tokens along time.

        Raises:
            ShapeError: the latent does not divide into patches.
        """
        if latent.ndim != 3 or latent.shape[2] % self.patch_size:
            raise ShapeError(
                f"audio latent has shape {tuple(latent.shape)}, expected [B, C, L] with L in steps of {self.patch_size}"
            )
        patches = self.patch_embedding(latent)
        return patches.transpose(1, 2), (patches.shape[2],)

    def unpatchify(self, patches: Tensor, grid: tuple[int, ...]) -> Tensor:
        """[B, S, time × channel of a patch, channel fastest] to [B, C, L]."""
        return patches.unflatten(-1, (self.patch_size, -1)).flatten(1, 2).transpose(1, 2)

    def positions(self, grid: tuple[int, ...]) -> Tensor:
        """Rotary angles along time."""
        layout = oobleck_angles if self.vae_type == "oobleck" else audio_angles
        return layout(grid[0], self.head_dim, self.rope_theta)


class TextToAudio(nn.Module):
    """The audio tower alone as a model of one component, named as in a model folder; called as the tower is."""

    def __init__(self, audio_dit: AudioTower) -> None:
        super().__init__()
        self.audio_dit = audio_dit

    def forward(
        self, latent: Tensor, timestep_B: Tensor, context: Tensor, context_of_B: Tensor | None = None
    ) -> Tensor:
        """Latent [B, C, L] to velocity; see `Tower.forward`."""
        return self.audio_dit(latent, timestep_B, context, context_of_B)
