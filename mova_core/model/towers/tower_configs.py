"""Configs of the towers and the Bridge that params describe, whatever the preset; without torch.

They follow from the sizes in params `train.model`, from what the codecs and the text encoder give, and from the clip
geometry. The fields are those of the released folders' `config.json`.
"""

from collections.abc import Mapping
from typing import Any

from mova_core.geometry import VIDEO_FRAMES_PER_LATENT, VIDEO_LATENTS_PER_TOKEN, ClipGeometry
from mova_core.model.pretrained.index import TOWER_COMPONENTS
from mova_core.params import Params
from mova_core.params.model import ModelParams, TowerParams

Configs = dict[str, dict[str, Any]]
"""Fields of each component's config, by component name."""


def preset_configs(params: Params) -> Configs:
    """Those of the preset's own codecs and text encoder; all its geometries have one clock."""
    return tower_configs(params.train.model, params.latent_sizes, params.clip_geometry)


def tower_configs(size: ModelParams, latents: Mapping[str, int], geometry: ClipGeometry) -> Configs:
    """Configs of the video experts, the audio tower and the Bridge.

    Args:
        size: of the towers.
        latents: channels of `video` and `audio` latents, and width of a `text` context.
        geometry: of the clips.
    """
    high, low, audio, bridge = TOWER_COMPONENTS
    video = _tower(size.video, size, latents["video"], latents["text"]) | {
        "in_dim": 2 * latents["video"] + VIDEO_FRAMES_PER_LATENT,  # noisy latents, condition latents, mask
        "patch_size": (1, VIDEO_LATENTS_PER_TOKEN, VIDEO_LATENTS_PER_TOKEN),
    }
    return {
        high: video,
        low: video,
        audio: _tower(size.audio, size, latents["audio"], latents["text"])
        | {"in_dim": latents["audio"], "patch_size": (geometry.audio_latents_per_token,)},
        bridge: {
            "visual_layers": size.video.layers,
            "audio_layers": size.audio.layers,
            "visual_hidden_dim": size.video.width,
            "audio_hidden_dim": size.audio.width,
            "audio_fps": geometry.audio_tokens_per_s,
            "head_dim": size.video.head_width,
        },
    }


def _tower(tower: TowerParams, size: ModelParams, channels: int, text_width: int) -> dict[str, Any]:
    return {
        "dim": tower.width,
        "ffn_dim": tower.mlp_width,
        "out_dim": channels,
        "text_dim": text_width,
        "freq_dim": size.timestep_width,
        "eps": 1e-6,
        "num_heads": tower.heads,
        "num_layers": tower.layers,
        "rope_theta": size.rope_theta,
    }
