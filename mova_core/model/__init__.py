"""The model's classes; each is imported on first use, since curation needs the codecs in this package but no tower."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mova_core.model.towers.audio_tower import AudioTower
    from mova_core.model.towers.bridge import Bridge
    from mova_core.model.towers.dual_tower import DualTower
    from mova_core.model.towers.video_tower import VideoTower

__all__ = ["AudioTower", "Bridge", "DualTower", "VideoTower"]

_MODULES = {
    "AudioTower": "mova_core.model.towers.audio_tower",
    "Bridge": "mova_core.model.towers.bridge",
    "DualTower": "mova_core.model.towers.dual_tower",
    "VideoTower": "mova_core.model.towers.video_tower",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
