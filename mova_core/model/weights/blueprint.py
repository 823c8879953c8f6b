"""A model on the meta device: its modules and shapes without memory, to be laid out and filled with weights."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from mova_core.model.towers.audio_tower import AudioTower, TextToAudio
from mova_core.model.towers.bridge import Bridge
from mova_core.model.towers.dual_tower import DualTower
from mova_core.model.towers.tower_configs import Configs
from mova_core.model.towers.video_tower import VideoTower


def joint_blueprint(configs: Configs) -> DualTower:
    """Both towers and the Bridge of these configs; fields that a class does not know are kept."""
    with torch.device("meta"):
        high, low = (VideoTower.from_config(configs[name]) for name in ("video_dit", "video_dit_2"))
        audio = AudioTower.from_config(configs["audio_dit"])
        return DualTower(high, low, audio, Bridge.from_config(configs["dual_tower_bridge"]))


def audio_blueprint(config: Mapping[str, Any]) -> TextToAudio:
    """The audio tower alone."""
    with torch.device("meta"):
        return TextToAudio(AudioTower.from_config(config))


def in_memory(blueprint: nn.Module, weights: Callable[[str], Tensor]) -> None:
    """Give a model on the meta device its weights, by parameter name, whole in this process."""
    blueprint.load_state_dict({name: weights(name) for name, _ in blueprint.named_parameters()}, assign=True)
