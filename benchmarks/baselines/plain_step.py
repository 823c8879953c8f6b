"""One step of the sampler written out as the equations stand: what our sampler is measured against.

Plain functions over the weights of a model folder, by their released names; nothing of the package is used. Three
forwards one after another, the guided velocity, an Euler step. Attention is torch's fused kernel, as in ours; rotary
tables are made once a forward.
Shape suffixes: B batch, S tokens, D width, C channels, T latent frames, H W latent rows and columns, L audio latents,
K context positions.
Sources: MOVA report, arXiv:2602.08794; Wan, arXiv:2503.20314; golden case `dual_step`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Pair = tuple[Tensor, Tensor]  # video [B, C, T, H, W], audio [B, C, L]
Turn = Callable[[Tensor], Tensor]

BRIDGE_THETA = 10000.0
FRAMES_PER_LATENT = 4


@dataclass(frozen=True, slots=True)
class PlainModel:
    """Weights by `component.key`, and the config of each component by its name."""

    weights: Mapping[str, Tensor]
    configs: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Text:
    """Encoded texts [B, K, W] with and without the prompt."""

    prompt: Tensor
    negative: Tensor


def dual_step(
    model: PlainModel,
    expert: str,
    latents: Pair,
    condition: Tensor,
    text: Text,
    fps: float,
    sigma: Pair,
    change: Pair,
    bridge_scale: float,
    text_scale: float,
) -> Pair:
    """Latents after an Euler step; `sigma` and its `change` hold one number for the video and one for the audio."""
    guided = dual_velocity(model, expert, latents, condition, text, fps, sigma, bridge_scale, text_scale)
    video, audio = (x + v * by for x, v, by in zip(latents, guided, change, strict=True))
    return video, audio


def dual_velocity(
    model: PlainModel,
    expert: str,
    latents: Pair,
    condition: Tensor,
    text: Text,
    fps: float,
    sigma: Pair,
    bridge_scale: float,
    text_scale: float,
) -> Pair:
    """v(0,0) + s_B (v(0,B) - v(0,0)) + s_T (v(T,B) - v(0,B)) of both modalities."""
    timesteps = tuple((1000 * level).expand(len(latents[0])) for level in sigma)
    null = forward(model, expert, latents, timesteps, condition, text.negative, fps, bridge=(0.0, 0.0))
    bridge = forward(model, expert, latents, timesteps, condition, text.negative, fps)
    full = forward(model, expert, latents, timesteps, condition, text.prompt, fps)
    video, audio = (
        n + bridge_scale * (b - n) + text_scale * (f - b) for n, b, f in zip(null, bridge, full, strict=True)
    )
    return video, audio


def forward(
    model: PlainModel,
    expert: str,
    latents: Pair,
    timesteps_B: Pair,
    condition: Tensor,
    context_BKW: Tensor,
    fps: float,
    bridge: tuple[float, float] = (1.0, 1.0),
) -> Pair:
    """Velocities of both modalities; `bridge` is the strength of audio to video and of video to audio."""
    w, video_config, audio_config = model.weights, model.configs[expert], model.configs["audio_dit"]
    dtype = w[f"{expert}.patch_embedding.weight"].dtype
    patch = tuple(video_config["patch_size"])
    tokens = F.conv3d(
        torch.cat([latents[0], condition], 1).to(dtype),
        w[f"{expert}.patch_embedding.weight"],
        w[f"{expert}.patch_embedding.bias"],
        stride=patch,
    )
    grid = tokens.shape[2:]
    video = tokens.flatten(2).transpose(1, 2)
    (step,) = audio_config["patch_size"]
    audio = F.conv1d(
        latents[1].to(dtype), w["audio_dit.patch_embedding.weight"], w["audio_dit.patch_embedding.bias"], stride=step
    ).transpose(1, 2)

    video_time, video_modulation = embed_time(w, expert, video_config, timesteps_B[0], dtype)
    audio_time, audio_modulation = embed_time(w, "audio_dit", audio_config, timesteps_B[1], dtype)
    video_text = embed_text(w, expert, context_BKW.to(dtype))
    audio_text = embed_text(w, "audio_dit", context_BKW.to(dtype))
    video_turn = interleaved(video_angles(grid, video_config))
    audio_turn = interleaved(angles(torch.arange(audio.shape[1]), head_dim(audio_config), theta(audio_config)))
    turns = bridge_turns(model.configs["dual_tower_bridge"], grid, audio.shape[1], fps, dtype)

    for layer in range(max(video_config["num_layers"], audio_config["num_layers"])):
        video, audio = exchange(model, layer, video, audio, turns, bridge)
        if layer < video_config["num_layers"]:
            video = block(w, f"{expert}.blocks.{layer}", video_config, video, video_text, video_modulation, video_turn)
        if layer < audio_config["num_layers"]:
            audio = block(w, f"audio_dit.blocks.{layer}", audio_config, audio, audio_text, audio_modulation, audio_turn)

    video = head(w, expert, video_config, video, video_time).unflatten(-1, (*patch, -1)).unflatten(1, grid)
    video = video.permute(0, 7, 1, 4, 2, 5, 3, 6)
    sizes = [a * b for a, b in zip(grid, patch, strict=True)]
    audio = head(w, "audio_dit", audio_config, audio, audio_time).unflatten(-1, (step, -1))
    return video.reshape(*video.shape[:2], *sizes), audio.flatten(1, 2).transpose(1, 2)


def exchange(
    model: PlainModel,
    layer: int,
    video: Tensor,
    audio: Tensor,
    turns: tuple[Turn | None, Turn | None],
    strength: tuple[float, float],
) -> Pair:
    """The Bridge at a layer: both directions read the states as they are before either is changed."""
    w, config = model.weights, model.configs["dual_tower_bridge"]
    to_video = f"dual_tower_bridge.audio_to_video_conditioners.{layer}"
    to_audio = f"dual_tower_bridge.video_to_audio_conditioners.{layer}"
    if f"{to_video}.y_norm.weight" not in w:
        return video, audio
    size, eps = config["head_dim"], config.get("eps", 1e-6)
    video_after, audio_after = video, audio
    if strength[0]:
        y = layer_norm(w, f"{to_video}.y_norm", audio, eps)
        video_after = video + strength[0] * attention(w, f"{to_video}.inner", size, eps, video, y, *turns)
    if strength[1]:
        y = layer_norm(w, f"{to_audio}.y_norm", video, eps)
        audio_after = audio + strength[1] * attention(w, f"{to_audio}.inner", size, eps, audio, y, *turns[::-1])
    return video_after, audio_after


def block(
    w: Mapping[str, Tensor],
    key: str,
    config: Mapping[str, Any],
    x: Tensor,
    text: Tensor,
    modulation_B6D: Tensor,
    turn: Turn,
) -> Tensor:
    """Self-attention, attention to the text, feed-forward; the timestep modulates the first and the last."""
    size, eps = head_dim(config), config["eps"]
    shift1, scale1, gate1, shift2, scale2, gate2 = (w[f"{key}.modulation"] + modulation_B6D).chunk(6, dim=1)
    y = F.layer_norm(x, x.shape[-1:], eps=eps) * (1 + scale1) + shift1
    x = x + gate1 * attention(w, f"{key}.self_attn", size, eps, y, y, turn, turn)
    x = x + attention(w, f"{key}.cross_attn", size, eps, layer_norm(w, f"{key}.norm3", x, eps), text)
    y = F.layer_norm(x, x.shape[-1:], eps=eps) * (1 + scale2) + shift2
    return x + gate2 * linear(w, f"{key}.ffn.2", F.gelu(linear(w, f"{key}.ffn.0", y), approximate="tanh"))


def attention(
    w: Mapping[str, Tensor],
    key: str,
    size: int,
    eps: float,
    x: Tensor,
    y: Tensor,
    turn_x: Turn | None = None,
    turn_y: Turn | None = None,
) -> Tensor:
    """Queries from x, keys and values from y, in heads of `size`."""
    q = rms_norm(w, f"{key}.norm_q", linear(w, f"{key}.q", x), eps)
    k = rms_norm(w, f"{key}.norm_k", linear(w, f"{key}.k", y), eps)
    v = linear(w, f"{key}.v", y)
    q, k, v = (part.unflatten(-1, (-1, size)).transpose(1, 2) for part in (q, k, v))
    q, k = turn_x(q) if turn_x else q, turn_y(k) if turn_y else k
    return linear(w, f"{key}.o", F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


def head(w: Mapping[str, Tensor], tower: str, config: Mapping[str, Any], x: Tensor, time_BD: Tensor) -> Tensor:
    """Tokens to the velocities of their patch."""
    shift, scale = (w[f"{tower}.head.modulation"] + time_BD[:, None]).chunk(2, dim=1)
    return linear(w, f"{tower}.head.head", F.layer_norm(x, x.shape[-1:], eps=config["eps"]) * (1 + scale) + shift)


def embed_time(
    w: Mapping[str, Tensor], tower: str, config: Mapping[str, Any], timestep_B: Tensor, dtype: torch.dtype
) -> Pair:
    """Timestep for the head [B, D] and for the blocks [B, 6, D], in float32 whatever the dtype of the weights."""
    half = config["freq_dim"] // 2
    phases = timestep_B.double()[:, None] * 10000 ** (-torch.arange(half, dtype=torch.float64) / half)
    x = torch.cat([phases.cos(), phases.sin()], 1).float()
    x = F.silu(linear(w, f"{tower}.time_embedding.0", x))
    time = linear(w, f"{tower}.time_embedding.2", x)
    modulation = linear(w, f"{tower}.time_projection.1", F.silu(time))
    return time.to(dtype), modulation.unflatten(1, (6, -1)).to(dtype)


def embed_text(w: Mapping[str, Tensor], tower: str, context_BKW: Tensor) -> Tensor:
    """Context at the tower's width."""
    x = F.gelu(linear(w, f"{tower}.text_embedding.0", context_BKW), approximate="tanh")
    return linear(w, f"{tower}.text_embedding.2", x)


def bridge_turns(
    config: Mapping[str, Any], grid: tuple[int, ...], audio_tokens: int, fps: float, dtype: torch.dtype
) -> tuple[Turn | None, Turn | None]:
    """Rotations of video and audio tokens on the audio's time scale; None where the config turns them off. Float32."""
    if not config.get("apply_cross_rope", True):
        return None, None
    frames, rows, columns = grid
    at = torch.arange(frames, dtype=torch.float32) * (config["audio_fps"] / (fps / FRAMES_PER_LATENT))
    positions = at.repeat_interleave(rows * columns), torch.arange(audio_tokens)
    size = config["head_dim"]
    frequencies = 1.0 / BRIDGE_THETA ** (torch.arange(0, size, 2, dtype=torch.float32) / size)
    video, audio = (half_split(each.float()[:, None] * frequencies, dtype) for each in positions)
    return video, audio


def video_angles(grid: tuple[int, ...], config: Mapping[str, Any]) -> Tensor:
    """Angles of frame, row and column, each its part of the head."""
    third = head_dim(config) // 3
    widths = (head_dim(config) - 2 * third, third, third)
    axes = torch.meshgrid(*(torch.arange(size) for size in grid), indexing="ij")
    return torch.cat(
        [angles(axis.flatten(), width, theta(config)) for axis, width in zip(axes, widths, strict=True)], 1
    )


def angles(positions: Tensor, width: int, base: float) -> Tensor:
    """position * base^(-2i / width), float64 [S, width / 2]."""
    return positions.double()[:, None] * base ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)


def interleaved(angle: Tensor) -> Turn:
    """Rotation of pairs (2i, 2i + 1), as complex numbers."""
    turn = torch.polar(torch.ones_like(angle), angle).to(torch.complex64)

    def rotate(x: Tensor) -> Tensor:
        turned = torch.view_as_complex(x.float().unflatten(-1, (-1, 2))) * turn
        return torch.view_as_real(turned).flatten(-2).to(x.dtype)

    return rotate


def half_split(angle: Tensor, dtype: torch.dtype) -> Turn:
    """Rotation of pairs (i, i + half)."""
    cos, sin = angle.cos().repeat(1, 2).to(dtype), angle.sin().repeat(1, 2).to(dtype)

    def rotate(x: Tensor) -> Tensor:
        first, second = x.chunk(2, dim=-1)
        return x * cos + torch.cat([-second, first], -1) * sin

    return rotate


def linear(w: Mapping[str, Tensor], key: str, x: Tensor) -> Tensor:
    """x W^T + b, with the weights in the dtype of x."""
    return F.linear(x, w[f"{key}.weight"].to(x.dtype), w[f"{key}.bias"].to(x.dtype))


def layer_norm(w: Mapping[str, Tensor], key: str, x: Tensor, eps: float) -> Tensor:
    """With learned scale and shift."""
    return F.layer_norm(x, x.shape[-1:], w[f"{key}.weight"], w[f"{key}.bias"], eps)


def rms_norm(w: Mapping[str, Tensor], key: str, x: Tensor, eps: float) -> Tensor:
    """With a learned scale."""
    return F.rms_norm(x, x.shape[-1:], w[f"{key}.weight"], eps)


def head_dim(config: Mapping[str, Any]) -> int:
    """Width of an attention head."""
    return config["dim"] // config["num_heads"]


def theta(config: Mapping[str, Any]) -> float:
    """Base of the rotary frequencies."""
    return config.get("rope_theta", 10000.0)
