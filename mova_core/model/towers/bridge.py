"""The Bridge: cross-attention between the towers' hidden states, both ways, on one time scale.

At an interacting layer both directions read the states as they are before either is changed, then
video' = video + scale * audio_to_video(video, audio) and audio' = audio + scale * video_to_audio(audio, video).
Aligned RoPE: audio token j sits at j, every token of latent frame i at i * audio_fps / (video_fps / 4).
Shape suffixes: B batch, V video tokens, A audio tokens, D video width, E audio width, S tokens, H head_dim.
Sources: MOVA report, arXiv:2602.08794, section 2; golden case `bridge`.
"""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from mova_core.errors import ShapeError, UsageError
from mova_core.geometry import VIDEO_FRAMES_PER_LATENT
from mova_core.model.pretrained.diffusers_import import register_to_config
from mova_core.model.towers.attention import Attend, Attention, AttentionComponent
from mova_core.model.towers.context_parallel import ContextParallel
from mova_core.model.towers.rope import half_split_tables, rotate_half_split

ROPE_THETA = 10000.0


@dataclass(frozen=True, slots=True)
class BridgeScale:
    """How strongly each direction acts; 0 both ways is each tower alone, exactly.

    Args:
        audio_to_video: factor of what the audio adds to the video.
        video_to_audio: factor of what the video adds to the audio.
        acts_B: bool [B]: the samples on which it acts at all (training drops it for some); None for all.
        first: index of the first sample it acts on; those before it are not computed (a sampler's guidance branches
            without the Bridge, in one batch with those that have it).
    """

    audio_to_video: float = 1.0
    video_to_audio: float = 1.0
    acts_B: Tensor | None = None
    first: int = 0

    @property
    def off(self) -> bool:
        return self.audio_to_video == 0 and self.video_to_audio == 0


BRIDGE_ON = BridgeScale()
BRIDGE_OFF = BridgeScale(0.0, 0.0)


Table = tuple[Tensor, Tensor]
"""Cos and sin [S, H] of a tower's tokens, in the dtype of the hidden states."""


class BridgeRope(NamedTuple):
    """Where both towers' tokens lie: in time, and over processes.

    Args:
        video, audio: the tables; None to rotate nothing.
        video_attend: how video tokens attend to audio tokens over processes; None where each process has all of them.
        audio_attend: how audio tokens attend to video tokens, likewise.
    """

    video: Table | None = None
    audio: Table | None = None
    video_attend: Attend | None = None
    audio_attend: Attend | None = None


class Conditioner(nn.Module):
    """One direction at one layer: x gives the queries, un-normalised; y gives keys and values, through a LayerNorm."""

    def __init__(self, dim: int, context_dim: int, head_dim: int, eps: float) -> None:
        super().__init__()
        self.y_norm = nn.LayerNorm(context_dim, eps=eps)
        self.inner = Attention(dim, dim // head_dim, eps, context_dim)

    def forward(
        self, x: Tensor, y: Tensor, rope_x: Table | None, rope_y: Table | None, attend: Attend | None
    ) -> Tensor:
        def rotation(rope: Table | None) -> Any:
            return None if rope is None else lambda heads: rotate_half_split(heads, *rope)

        return self.inner(x, self.y_norm(y), rotation(rope_x), rotation(rope_y), attend=attend)


class Bridge(AttentionComponent):
    """All interacting layers; the config fields are those of a released `dual_tower_bridge/config.json`.

    Raises:
        UsageError: an unknown interaction strategy, or pooled AdaLN, which MOVA does not have.
        ShapeError: a width is not a multiple of head_dim.
    """

    _supports_gradient_checkpointing = True
    _skip_layerwise_casting_patterns = ["norm", "lora_"]  # noqa: RUF012  # as diffusers reads it
    _repeated_blocks = ["Conditioner"]  # noqa: RUF012  # for diffusers' `compile_repeated_blocks`
    context_parallel: ContextParallel | None = None  # set by `divide_tokens`

    @register_to_config
    def __init__(
        self,
        visual_layers: int,
        audio_layers: int,
        visual_hidden_dim: int,
        audio_hidden_dim: int,
        audio_fps: float,
        head_dim: int,
        interaction_strategy: str = "full",
        apply_cross_rope: bool = True,
        apply_first_frame_bias_in_rope: bool = False,
        trainable_condition_scale: bool = False,
        pooled_adaln: bool = False,
        eps: float = 1e-6,
    ) -> None:
        super().__init__()
        if pooled_adaln:
            raise UsageError("Bridge config has pooled_adaln = true: MOVA's Bridge does not have it")
        for name, width in (("visual_hidden_dim", visual_hidden_dim), ("audio_hidden_dim", audio_hidden_dim)):
            if width % head_dim:
                raise ShapeError(f"Bridge {name} {width} is not a multiple of head_dim {head_dim}")
        self.layers = interacting_layers(interaction_strategy, visual_layers, audio_layers)
        self.head_dim = head_dim
        self.audio_fps = audio_fps
        self.apply_cross_rope = apply_cross_rope
        self.first_frame_bias = apply_first_frame_bias_in_rope
        self.audio_to_video_conditioners = nn.ModuleDict(
            {str(layer): Conditioner(visual_hidden_dim, audio_hidden_dim, head_dim, eps) for layer in self.layers}
        )
        self.video_to_audio_conditioners = nn.ModuleDict(
            {str(layer): Conditioner(audio_hidden_dim, visual_hidden_dim, head_dim, eps) for layer in self.layers}
        )
        self.condition_scale = nn.Parameter(torch.ones(1)) if trainable_condition_scale else None

    def rope(self, video_grid: tuple[int, int, int], audio_tokens: int, video_fps: float, like: Tensor) -> BridgeRope:
        """Tables for these tokens, none where the config turns the cross rotation off.

        Args:
            video_grid: latent frames, token rows, token columns.
            audio_tokens: tokens of the audio.
            video_fps: pixel frames per second.
            like: hidden states whose dtype and device the tables take.
        """
        frames, rows, columns = video_grid
        rope = BridgeRope()
        if self.apply_cross_rope:
            video_at = self.video_positions(frames, video_fps).repeat_interleave(rows * columns)
            rope = BridgeRope(self._table(video_at, like), self._table(torch.arange(audio_tokens), like))
        if (divided := self.context_parallel) is None:
            return rope
        video_tokens = frames * rows * columns
        return BridgeRope(
            rope.video and (divided.mine(rope.video[0], 0), divided.mine(rope.video[1], 0)),
            rope.audio and (divided.mine(rope.audio[0], 0), divided.mine(rope.audio[1], 0)),
            video_attend=divided.attention(video_tokens, audio_tokens),
            audio_attend=divided.attention(audio_tokens, video_tokens),
        )

    def video_positions(self, latent_frames: int, video_fps: float) -> Tensor:
        """Where each latent frame sits on the audio tokens' scale, float32 [T]."""
        index = torch.arange(latent_frames, dtype=torch.float32)
        if not self.first_frame_bias:
            return index * (self.audio_fps / (video_fps / VIDEO_FRAMES_PER_LATENT))
        later = self.audio_fps * (1 / video_fps + (index - 1) * VIDEO_FRAMES_PER_LATENT / video_fps)
        return torch.where(index == 0, torch.zeros_like(index), later)

    def forward(
        self, layer: int, video_BVD: Tensor, audio_BAE: Tensor, rope: BridgeRope, scale: BridgeScale = BRIDGE_ON
    ) -> tuple[Tensor, Tensor]:
        """Both towers' tokens after this layer's exchange; unchanged at a layer that does not interact."""
        if layer not in self.layers or scale.off:
            return video_BVD, audio_BAE
        if scale.first:
            alone, rest = slice(scale.first), slice(scale.first, None)
            video, audio = self(layer, video_BVD[rest], audio_BAE[rest], rope, replace(scale, first=0))
            return torch.cat([video_BVD[alone], video]), torch.cat([audio_BAE[alone], audio])
        video, audio = video_BVD, audio_BAE
        if scale.audio_to_video:
            conditioner = self.audio_to_video_conditioners[str(layer)]
            added = self.run_part(conditioner, video_BVD, audio_BAE, rope.video, rope.audio, rope.video_attend)
            video = video_BVD + self._strength(scale.audio_to_video, scale, added) * added
        if scale.video_to_audio:
            conditioner = self.video_to_audio_conditioners[str(layer)]
            added = self.run_part(conditioner, audio_BAE, video_BVD, rope.audio, rope.video, rope.audio_attend)
            audio = audio_BAE + self._strength(scale.video_to_audio, scale, added) * added
        return video, audio

    def _strength(self, direction: float, scale: BridgeScale, like: Tensor) -> float | Tensor:
        strength = direction if self.condition_scale is None else direction * self.condition_scale
        return strength if scale.acts_B is None else strength * scale.acts_B.to(like.dtype).view(-1, 1, 1)

    def _table(self, positions: Tensor, like: Tensor) -> Table:
        cos, sin = half_split_tables(positions, self.head_dim, ROPE_THETA)
        return cos.to(like), sin.to(like)  # rounded to the dtype of the hidden states before they are used


def interacting_layers(strategy: str, video_layers: int, audio_layers: int) -> tuple[int, ...]:
    """Layers at which the Bridge acts, video layer i with audio layer i.

    Raises:
        UsageError: no such strategy.
    """
    layers = min(video_layers, audio_layers)
    table: dict[str, tuple[int, ...]] = {
        "full": tuple(range(layers)),
        "shallow_focus": tuple(range(min(10, layers))),
        "distributed": tuple(range(0, layers, 3)),
        "progressive": tuple(range(min(8, layers))) + tuple(range(8, layers, 3)),
        "custom": tuple(layer for layer in (0, 2, 4, 6, 8, 12, 16, 20) if layer < layers),
    }
    if strategy not in table:
        raise UsageError(f"Bridge config has interaction_strategy {strategy!r}, expected one of {', '.join(table)}")
    return table[strategy]
