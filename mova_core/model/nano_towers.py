"""The nano preset's towers and Bridge: the released architecture at sizes that two processor cores train in minutes.

Three things differ from the released model: the sizes (params `train.model`), four audio latents per token, and a lower
rotary base, since a clip has few positions.
"""

from typing import Any

import torch
from torch import nn

from mova_core.geometry import GEOMETRIES, VIDEO_FRAMES_PER_LATENT, VIDEO_LATENTS_PER_TOKEN
from mova_core.model.audio_tower import AudioTower
from mova_core.model.bridge import Bridge
from mova_core.model.dual_tower import DualTower
from mova_core.model.text.nano_encoder import TEXT_WIDTH
from mova_core.model.video_tower import VideoTower
from mova_core.params.model import ModelParams, TowerParams

FREQUENCIES = 64
CHANNELS = 16  # of both nano codecs
GEOMETRY = GEOMETRIES["nano-48"]  # nano-32 has the same clock, and the same towers run on both


def nano_configs(size: ModelParams) -> dict[str, dict[str, Any]]:
    """Configs of the video experts, the audio tower and the Bridge, by component name."""
    token = (1, VIDEO_LATENTS_PER_TOKEN, VIDEO_LATENTS_PER_TOKEN)
    video = _tower(size.video, size.rope_theta) | {
        "in_dim": 2 * CHANNELS + VIDEO_FRAMES_PER_LATENT,
        "patch_size": token,
    }
    audio = _tower(size.audio, size.rope_theta) | {
        "in_dim": CHANNELS,
        "patch_size": (GEOMETRY.audio_latents_per_token,),
    }
    return {
        "video_dit": video,
        "video_dit_2": video,
        "audio_dit": audio,
        "dual_tower_bridge": {
            "visual_layers": size.video.layers,
            "audio_layers": size.audio.layers,
            "visual_hidden_dim": size.video.width,
            "audio_hidden_dim": size.audio.width,
            "audio_fps": GEOMETRY.audio_tokens_per_s,
            "head_dim": size.video.head_width,
        },
    }


def _tower(size: TowerParams, rope_theta: float) -> dict[str, Any]:
    return {
        "dim": size.width,
        "ffn_dim": size.mlp_width,
        "out_dim": CHANNELS,
        "text_dim": TEXT_WIDTH,
        "freq_dim": FREQUENCIES,
        "eps": 1e-6,
        "num_heads": size.heads,
        "num_layers": size.layers,
        "rope_theta": rope_theta,
    }


def nano_dual_tower(seed: int, size: ModelParams = ModelParams()) -> DualTower:
    """A model with random weights, the same for the same seed; both video experts start from the same weights.

    The Bridge's output projections are zero, so at first neither tower influences the other.
    """
    configs = nano_configs(size)
    with torch.random.fork_rng(devices=[]):  # layers draw from torch's own generator: it is put back after
        torch.manual_seed(seed)
        high, low = VideoTower(**configs["video_dit"]), VideoTower(**configs["video_dit_2"])
        audio, bridge = AudioTower(**configs["audio_dit"]), Bridge(**configs["dual_tower_bridge"])
    low.load_state_dict(high.state_dict())
    for conditioners in (bridge.audio_to_video_conditioners, bridge.video_to_audio_conditioners):
        for conditioner in conditioners.values():
            nn.init.zeros_(conditioner.inner.o.weight)
            nn.init.zeros_(conditioner.inner.o.bias)
    return DualTower(high, low, audio, bridge)
