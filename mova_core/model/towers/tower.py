"""The transformer that both towers share: patchify, blocks modulated by the timestep, head, unpatchify.

Keys, order of operations and dtypes are those of the released checkpoints (Wan2.1 / Wan2.2 shapes): the time embedding
is computed in float32 whatever the weights' dtype, everything else in the dtype of the weights.
Shape suffixes: B batch, S tokens, D width, C latent channels, K context positions, P rotary pairs.
Sources: Wan, arXiv:2503.20314; golden cases `video_dit` and `audio_dit`.
"""

import math
from typing import Any, NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mova_core.errors import ShapeError, UsageError
from mova_core.model.pretrained.diffusers_import import apply_forward_hook
from mova_core.model.towers.attention import Attend, Attention, AttentionComponent, KeyValue
from mova_core.model.towers.context_parallel import ContextParallel
from mova_core.model.towers.rope import rotate_interleaved, turns
from mova_core.model.towers.run_tables import TowerTables

UNSUPPORTED = (  # fields of released configs that describe another model
    *("has_image_input", "has_image_pos_emb", "has_ref_conv", "add_control_adapter", "seperated_timestep"),
    "fuse_vae_embedding_in_latents",
)


class Float32Linear(nn.Linear):
    """A linear layer that computes in float32, whatever the dtype of its weights."""

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return F.linear(x.float(), self.weight.float(), self.bias.float())


class TowerState(NamedTuple):
    """The state passed from block to block: the tokens, and the values that every block reads.

    A tuple, so that hooks around modules (FSDP2, DeepSpeed) find the tensors in it.

    Attributes:
        tokens: [B, S, D]; this process's part of them where processes divide a clip.
        context: embedded text [B, K, D], fewer rows where samples share theirs; or its keys and values in the block to
            be called.
        context_of_B: the row of each sample then, else None.
        modulation: of the blocks, [B, 6, D].
        time: embedded timestep for the head, [B, D].
        turns: rotations of the tokens, cosines and sines, [S, P, 2], float32.
        grid: tokens per axis: (frames, rows, columns) for video, (tokens,) for audio; of the whole clip.
        attend: how tokens attend to each other over processes; None where each process has all of them.
    """

    tokens: Tensor
    context: Tensor | KeyValue
    context_of_B: Tensor | None
    modulation: Tensor
    time: Tensor
    turns: Tensor
    grid: tuple[int, ...]
    attend: Attend | None = None


class Block(nn.Module):
    """Self-attention, cross-attention to the text, feed-forward; the timestep modulates the first and the last."""

    def __init__(self, dim: int, ffn_dim: int, num_heads: int, eps: float) -> None:
        super().__init__()
        self.self_attn = Attention(dim, num_heads, eps)
        self.cross_attn = Attention(dim, num_heads, eps)
        self.norm1 = nn.LayerNorm(dim, eps=eps, elementwise_affine=False)
        self.norm2 = nn.LayerNorm(dim, eps=eps, elementwise_affine=False)
        self.norm3 = nn.LayerNorm(dim, eps=eps)
        self.ffn = nn.Sequential(nn.Linear(dim, ffn_dim), nn.GELU(approximate="tanh"), nn.Linear(ffn_dim, dim))
        self.modulation = nn.Parameter(torch.randn(1, 6, dim))  # scaled by `weights/fresh.py`

    def forward(self, state: TowerState) -> TowerState:
        shift1, scale1, gate1, shift2, scale2, gate2 = (self.modulation + state.modulation).chunk(6, dim=1)

        def rotate(heads: Tensor) -> Tensor:
            return rotate_interleaved(heads, state.turns)

        x = state.tokens
        y = self.norm1(x) * (1 + scale1) + shift1
        x = x + gate1 * self.self_attn(y, y, rotate, rotate, attend=state.attend)
        x = x + self.cross_attn(self.norm3(x), state.context, y_of_B=state.context_of_B)
        y = self.norm2(x) * (1 + scale2) + shift2
        x = x + gate2 * self.ffn(y)
        return state._replace(tokens=x)

    def text_key_value(self, context_BKD: Tensor) -> KeyValue:
        """Keys and values of embedded text, which `forward` takes in its place."""
        return self.cross_attn.key_value(context_BKD)


class Head(nn.Module):
    """Tokens to velocities of their patch."""

    def __init__(self, dim: int, out_features: int, eps: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim, eps=eps, elementwise_affine=False)
        self.head = nn.Linear(dim, out_features)
        self.modulation = nn.Parameter(torch.randn(1, 2, dim))  # scaled by `weights/fresh.py`

    def forward(self, tokens_BSD: Tensor, time_BD: Tensor) -> Tensor:
        shift, scale = (self.modulation + time_BD[:, None]).chunk(2, dim=1)
        return self.head(self.norm(tokens_BSD) * (1 + scale) + shift)


class Tower(AttentionComponent):
    """Base of `VideoTower` and `AudioTower`, which say how latents become tokens and where these lie.

    `embed`, the blocks and `unembed` may be called apart, so that the Bridge can act between blocks; `forward` is the
    tower alone.
    """

    _supports_gradient_checkpointing = True
    _repeated_blocks = ["Block"]  # noqa: RUF012  # for diffusers' `compile_repeated_blocks`
    # Small, or sensitive to rounding: they keep their dtype where the other weights are stored in 8 bits.
    _skip_layerwise_casting_patterns = [  # noqa: RUF012  # as diffusers reads it
        *("patch_embedding", "text_embedding", "time_embedding", "time_projection", "norm", "head", "lora_"),
    ]
    context_parallel: ContextParallel | None = None  # set by `divide_tokens`

    def __init__(self, patch_embedding: nn.Module) -> None:
        super().__init__()
        config: Any = self.config  # the subclass's arguments: `register_to_config` has noted them
        for name in UNSUPPORTED:
            if value := config[name]:
                raise UsageError(
                    f"{type(self).__name__} config has {name} = {value!r}: MOVA's towers do not have it, so weights "
                    "would not fit"
                )
        dim, eps = config["dim"], config["eps"]
        if dim % config["num_heads"]:
            raise ShapeError(f"dim {dim} is not a multiple of num_heads {config['num_heads']}")
        self.dim = dim
        self.head_dim = dim // config["num_heads"]
        self.freq_dim = config["freq_dim"]
        self.patch_embedding = patch_embedding
        self.text_embedding = nn.Sequential(
            nn.Linear(config["text_dim"], dim), nn.GELU(approximate="tanh"), nn.Linear(dim, dim)
        )
        self.time_embedding = nn.Sequential(Float32Linear(self.freq_dim, dim), nn.SiLU(), Float32Linear(dim, dim))
        self.time_projection = nn.Sequential(nn.SiLU(), Float32Linear(dim, 6 * dim))
        self.blocks = nn.ModuleList(
            Block(dim, config["ffn_dim"], config["num_heads"], eps) for _ in range(config["num_layers"])
        )
        self.head = Head(dim, config["out_dim"] * math.prod(config["patch_size"]), eps)

    @apply_forward_hook
    def embed(
        self, latent: Tensor, timestep_B: Tensor, context: Tensor | TowerTables, context_of_B: Tensor | None = None
    ) -> TowerState:
        """Tokens, embedded text and embedded timestep.

        Args:
            latent: [B, C, ...], cast to the dtype of the weights.
            timestep_B: float32 0..1000, one per sample.
            context: encoded text [B, K, text_dim], or each different one once; or the run's tables, which hold it.
            context_of_B: which of them is each sample's, int64; None for one per sample in order.

        Raises:
            ShapeError: the batch sizes differ, or tables are for others or for another grid.
        """
        dtype = next(self.patch_embedding.parameters()).dtype
        tokens, grid = self.patchify(latent.to(dtype))
        if isinstance(context, TowerTables):
            context.check(grid, len(latent))
            contexts, text, turned = len(latent), context.keys_values[0], context.turns
        else:
            contexts = len(context) if context_of_B is None else len(context_of_B)
            text, turned = self.text_embedding(context.to(dtype)), self._turns(grid, tokens.device)
        if not len(latent) == len(timestep_B) == contexts:
            raise ShapeError(
                f"{type(self).__name__} got {len(latent)} latents, {len(timestep_B)} timesteps and "
                f"{contexts} contexts: one of each per sample"
            )
        time, modulation = self.embed_time(timestep_B, dtype)
        state = TowerState(tokens, text, context_of_B, modulation, time, turned, grid)
        if (divided := self.context_parallel) is None:
            return state
        return state._replace(
            tokens=divided.mine(tokens, 1), attend=divided.attention(math.prod(grid), math.prod(grid))
        )

    @apply_forward_hook
    def tables(self, context: Tensor, grid: tuple[int, ...]) -> TowerTables:
        """What `embed` and `run_block` take in place of texts that stay the same over a run.

        Args:
            context: encoded text of each sample [B, K, text_dim].
            grid: tokens per axis, see `grid_of`.
        """
        weight = next(self.patch_embedding.parameters())
        text = self.text_embedding(context.to(weight.dtype))
        keys_values = tuple(cast(Block, block).text_key_value(text) for block in self.blocks)
        return TowerTables(grid, self._turns(grid, text.device), keys_values)

    def _turns(self, grid: tuple[int, ...], device: torch.device) -> Tensor:
        """Rotations of the tokens that this process holds."""
        table = turns(self.positions(grid)).to(device)
        return table if self.context_parallel is None else self.context_parallel.mine(table, 0)

    def embed_time(self, timestep_B: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Embedded timestep [B, D] and its projection [B, 6, D], computed in float32 and cast to `dtype` at the end."""
        time = self.time_embedding(sinusoid(timestep_B, self.freq_dim))
        modulation = self.time_projection(time).unflatten(1, (6, self.dim))
        return time.to(dtype), modulation.to(dtype)

    def unembed(self, state: TowerState) -> Tensor:
        """Velocity in the shape of the latent that was embedded (with the tower's own output channels)."""
        patches = self.head(state.tokens, state.time)
        if self.context_parallel is not None:
            patches = self.context_parallel.gather_tokens(patches, math.prod(state.grid))
        return self.unpatchify(patches, state.grid)

    def run_block(self, index: int, state: TowerState, tables: TowerTables | None = None) -> TowerState:
        """Apply one block, recomputing it in the backward pass where gradient checkpointing is on.

        `tables` are those that were embedded, if any.
        """
        if tables is not None:
            state = state._replace(context=tables.keys_values[index])
        return self.run_part(self.blocks[index], state)

    def forward(
        self, latent: Tensor, timestep_B: Tensor, context: Tensor | TowerTables, context_of_B: Tensor | None = None
    ) -> Tensor:
        """The tower alone: latent [B, C, ...] to velocity [B, out_dim, ...]; arguments as for `embed`."""
        state = self.embed(latent, timestep_B, context, context_of_B)
        tables = context if isinstance(context, TowerTables) else None
        for index in range(len(self.blocks)):
            state = self.run_block(index, state, tables)
        return self.unembed(state)

    def grid_of(self, latent: Tensor) -> tuple[int, ...]:
        """Tokens per axis of a latent [B, C, ...] that divides into patches."""
        return tuple(size // step for size, step in zip(latent.shape[2:], self.config["patch_size"], strict=True))

    def patchify(self, latent: Tensor) -> tuple[Tensor, tuple[int, ...]]:
        """Latent to tokens [B, S, D] and their grid."""
        raise TypeError("Tower is a base: use VideoTower or AudioTower")

    def unpatchify(self, patches: Tensor, grid: tuple[int, ...]) -> Tensor:
        """Head output [B, S, patch values] to a latent."""
        raise TypeError("Tower is a base: use VideoTower or AudioTower")

    def positions(self, grid: tuple[int, ...]) -> Tensor:
        """Rotary angles of the tokens."""
        raise TypeError("Tower is a base: use VideoTower or AudioTower")


def sinusoid(timestep_B: Tensor, width: int) -> Tensor:
    """Cosines then sines of the timestep at `width / 2` frequencies 10000^(-i / (width / 2)): [B, width].

    Computed in float64, returned in the timestep's dtype; timesteps are 0..1000, not divided.
    """
    half = width // 2
    frequencies = 10000 ** (-torch.arange(half, dtype=torch.float64, device=timestep_B.device) / half)
    phases = timestep_B.to(torch.float64)[:, None] * frequencies
    return torch.cat([phases.cos(), phases.sin()], dim=1).to(timestep_B.dtype)
