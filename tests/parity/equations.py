"""The model's equations written out a second time, in float64 numpy: what the parity tests hold ours to anywhere.

Nothing of the package is used. Weights come by their released names, `component.key`; one sample, no batch axis.
Shape suffixes: S tokens, D width, C channels, T latent frames, H W latent rows and columns, L audio latents, K context
positions.
Sources: MOVA report, arXiv:2602.08794; Wan, arXiv:2503.20314; checked itself against golden case `dual_step`.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Weights = Mapping[str, Array]
Config = Mapping[str, Any]


def dual_velocity(
    w: Weights,
    config: Mapping[str, Config],
    expert: str,
    video_CTHW: Array,
    audio_CL: Array,
    context_KW: Array,
    timesteps: tuple[float, float],
    fps: float,
    bridge: tuple[float, float],
) -> tuple[Array, Array]:
    """Velocities of video and audio; `video_CTHW` has the condition's channels already appended.

    `bridge` is the strength of audio to video and of video to audio.
    """
    video, grid = video_tokens(w, expert, config[expert], video_CTHW)
    audio = audio_tokens(w, config["audio_dit"], audio_CL)
    video_time, video_mod = embed_time(w, expert, config[expert], timesteps[0])
    audio_time, audio_mod = embed_time(w, "audio_dit", config["audio_dit"], timesteps[1])
    video_text, audio_text = embed_text(w, expert, context_KW), embed_text(w, "audio_dit", context_KW)
    video_angles, audio_angles = tower_angles(grid, config[expert]), tower_angles((len(audio),), config["audio_dit"])
    size = config["dual_tower_bridge"]["head_dim"]
    frame_at = np.arange(grid[0]) * config["dual_tower_bridge"]["audio_fps"] / (fps / 4)
    # The frequencies are those of the released float32 tables.
    frequencies = (np.float32(1) / np.float32(10000) ** (np.arange(0, size, 2, dtype=np.float32) / size)).astype(float)
    video_turn = np.repeat(frame_at, grid[1] * grid[2])[:, None] * frequencies
    audio_turn = np.arange(len(audio))[:, None] * frequencies
    layers = config[expert]["num_layers"], config["audio_dit"]["num_layers"]
    for layer in range(max(layers)):
        if layer < min(layers):
            video, audio = exchange(w, layer, size, video, audio, video_turn, audio_turn, bridge)
        if layer < layers[0]:
            name = f"{expert}.blocks.{layer}"
            video = block(w, name, config[expert], video, video_text, video_mod, video_angles)
        if layer < layers[1]:
            name = f"audio_dit.blocks.{layer}"
            audio = block(w, name, config["audio_dit"], audio, audio_text, audio_mod, audio_angles)
    video, audio = head(w, expert, video, video_time), head(w, "audio_dit", audio, audio_time)
    f, r, c = config[expert]["patch_size"]
    patches = video.reshape(*grid, f, r, c, -1).transpose(6, 0, 3, 1, 4, 2, 5)
    (step,) = config["audio_dit"]["patch_size"]
    return patches.reshape(-1, grid[0] * f, grid[1] * r, grid[2] * c), audio.reshape(len(audio) * step, -1).T


def video_tokens(w: Weights, tower: str, config: Config, x: Array) -> tuple[Array, tuple[int, int, int]]:
    """A token per patch, in order frame, row, column."""
    f, r, c = config["patch_size"]
    channels, t, h, wide = x.shape
    grid = (t // f, h // r, wide // c)
    cut = x.reshape(channels, grid[0], f, grid[1], r, grid[2], c).transpose(1, 3, 5, 0, 2, 4, 6)
    kernel = w[f"{tower}.patch_embedding.weight"]
    return cut.reshape(math.prod(grid), -1) @ kernel.reshape(len(kernel), -1).T + w[
        f"{tower}.patch_embedding.bias"
    ], grid


def audio_tokens(w: Weights, config: Config, x: Array) -> Array:
    """A token per patch along time."""
    (step,) = config["patch_size"]
    cut = x.reshape(len(x), -1, step).transpose(1, 0, 2)
    kernel = w["audio_dit.patch_embedding.weight"]
    return cut.reshape(len(cut), -1) @ kernel.reshape(len(kernel), -1).T + w["audio_dit.patch_embedding.bias"]


def embed_time(w: Weights, tower: str, config: Config, timestep: float) -> tuple[Array, Array]:
    """The timestep for the head [D] and for the blocks [6, D]."""
    half = config["freq_dim"] // 2
    phase = timestep * 10000.0 ** (-np.arange(half) / half)
    x = silu(linear(w, f"{tower}.time_embedding.0", np.concatenate([np.cos(phase), np.sin(phase)])))
    time = linear(w, f"{tower}.time_embedding.2", x)
    return time, linear(w, f"{tower}.time_projection.1", silu(time)).reshape(6, -1)


def embed_text(w: Weights, tower: str, context: Array) -> Array:
    return linear(w, f"{tower}.text_embedding.2", gelu(linear(w, f"{tower}.text_embedding.0", context)))


def exchange(
    w: Weights,
    layer: int,
    size: int,
    video: Array,
    audio: Array,
    video_turn: Array,
    audio_turn: Array,
    bridge: tuple[float, float],
) -> tuple[Array, Array]:
    """The Bridge at a layer: both directions read the states as they are before either is changed."""
    to_video = f"dual_tower_bridge.audio_to_video_conditioners.{layer}"
    to_audio = f"dual_tower_bridge.video_to_audio_conditioners.{layer}"
    y, z = norm(audio, w, f"{to_video}.y_norm"), norm(video, w, f"{to_audio}.y_norm")
    added_video = attention(w, f"{to_video}.inner", size, video, y, video_turn, audio_turn, half_split)
    added_audio = attention(w, f"{to_audio}.inner", size, audio, z, audio_turn, video_turn, half_split)
    return video + bridge[0] * added_video, audio + bridge[1] * added_audio


def block(w: Weights, key: str, config: Config, x: Array, text: Array, modulation: Array, angles: Array) -> Array:
    """Self-attention, attention to the text, feed-forward."""
    shift1, scale1, gate1, shift2, scale2, gate2 = w[f"{key}.modulation"][0] + modulation
    size = config["dim"] // config["num_heads"]
    y = norm(x) * (1 + scale1) + shift1
    x = x + gate1 * attention(w, f"{key}.self_attn", size, y, y, angles, angles, interleaved)
    x = x + attention(w, f"{key}.cross_attn", size, norm(x, w, f"{key}.norm3"), text)
    y = norm(x) * (1 + scale2) + shift2
    return x + gate2 * linear(w, f"{key}.ffn.2", gelu(linear(w, f"{key}.ffn.0", y)))


def attention(
    w: Weights,
    key: str,
    size: int,
    x: Array,
    y: Array,
    turn_x: Array | None = None,
    turn_y: Array | None = None,
    turned: Any = None,
) -> Array:
    """Queries from x, keys and values from y, head by head; RMS norm of queries and keys before the split."""
    q = rms(linear(w, f"{key}.q", x)) * w[f"{key}.norm_q.weight"]
    k = rms(linear(w, f"{key}.k", y)) * w[f"{key}.norm_k.weight"]
    v, out = linear(w, f"{key}.v", y), []
    for start in range(0, q.shape[1], size):
        part = slice(start, start + size)
        a, b = q[:, part], k[:, part]
        if turn_x is not None:
            a, b = turned(a, turn_x), turned(b, turn_y)
        scores = np.exp(a @ b.T / math.sqrt(size))
        out.append(scores / scores.sum(axis=1, keepdims=True) @ v[:, part])
    return linear(w, f"{key}.o", np.concatenate(out, axis=1))


def head(w: Weights, tower: str, x: Array, time: Array) -> Array:
    shift, scale = w[f"{tower}.head.modulation"][0] + time
    return linear(w, f"{tower}.head.head", norm(x) * (1 + scale) + shift)


def tower_angles(grid: tuple[int, ...], config: Config) -> Array:
    """Angles [S, head_dim / 2]: along time, or the three parts of frame, row and column beside each other."""
    size, theta = config["dim"] // config["num_heads"], config.get("rope_theta", 10000.0)
    widths = (size,) if len(grid) == 1 else (size - 2 * (size // 3), size // 3, size // 3)
    axes = np.indices(grid).reshape(len(grid), -1)
    parts = [axis[:, None] * theta ** (-np.arange(0, n, 2) / n) for axis, n in zip(axes, widths, strict=True)]
    return np.concatenate(parts, axis=1)


def interleaved(x: Array, angle: Array) -> Array:
    """Turn the pairs (2i, 2i + 1)."""
    a, b = x[:, 0::2], x[:, 1::2]
    turned = a * np.cos(angle) - b * np.sin(angle), a * np.sin(angle) + b * np.cos(angle)
    return np.stack(turned, axis=2).reshape(x.shape)


def half_split(x: Array, angle: Array) -> Array:
    """Turn the pairs (i, i + half)."""
    a, b = np.split(x, 2, axis=1)
    return np.concatenate([a * np.cos(angle) - b * np.sin(angle), b * np.cos(angle) + a * np.sin(angle)], axis=1)


def linear(w: Weights, key: str, x: Array) -> Array:
    return x @ w[f"{key}.weight"].T + w[f"{key}.bias"]


def norm(x: Array, w: Weights | None = None, key: str = "") -> Array:
    """LayerNorm over the last axis, with a learned scale and shift where a key is given."""
    y = (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-6)
    return y if w is None else y * w[f"{key}.weight"] + w[f"{key}.bias"]


def rms(x: Array) -> Array:
    return x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + 1e-6)


def silu(x: Array) -> Array:
    return x / (1 + np.exp(-x))


def gelu(x: Array) -> Array:
    """The approximation by tanh."""
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def sigmas(steps: int, shift: float) -> Array:
    """Shifted noise levels from 1 to 0.003 / 1.002."""
    level = np.linspace(1, 0.003 / 1.002, steps)
    return shift * level / (1 + (shift - 1) * level)


def euler_levels(steps: int, shift: float, table_shift: float) -> Array:
    """The level of each step's update: the entry of the table nearest to the step's own; then 0."""
    table = sigmas(1000, table_shift)
    nearest = [table[np.abs(table - sigma).argmin()] for sigma in sigmas(steps, shift)]
    return np.array([*nearest, 0.0])


def guided(null: Array, bridge: Array, full: Array, bridge_scale: float, text_scale: float) -> Array:
    """v(0,0) + s_B (v(0,B) - v(0,0)) + s_T (v(T,B) - v(0,B))."""
    return null + bridge_scale * (bridge - null) + text_scale * (full - bridge)
