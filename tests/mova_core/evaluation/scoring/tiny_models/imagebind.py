"""ImageBind with a small network in place of the published one, for the table of models."""

from pathlib import Path

from mova_core.measures.models.imagebind.adapter import PUBLISHED, ImageBindScore
from mova_core.measures.models.imagebind.network import ImageBind, Sizes
from mova_core.measures.models.weights_file import check_weights, load_network

SIZES = Sizes(video_width=8, video_heads=2, video_blocks=1, audio_width=8, audio_heads=2, audio_blocks=1, embedding=6)


def network() -> ImageBind:
    return ImageBind(SIZES)


def check(path: Path) -> None:
    check_weights(path, network, PUBLISHED)


def load(path: Path) -> ImageBindScore:
    return ImageBindScore(load_network(path, network))
