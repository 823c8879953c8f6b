"""DOVER with a small network in place of the published one, for the table of models."""

from pathlib import Path

from mova_core.measures.models.dover.adapter import PUBLISHED, DoverQuality
from mova_core.measures.models.dover.convnext import ConvNextSizes
from mova_core.measures.models.dover.network import Dover, Sizes
from mova_core.measures.models.dover.swin import SwinSizes
from mova_core.measures.models.weights_file import check_weights, load_network

SIZES = Sizes(SwinSizes(2, (2, 1, 1, 1), (1, 1, 1, 1)), ConvNextSizes((2, 2, 2, 4), (1, 1, 1, 1)), hidden=3)


def network() -> Dover:
    return Dover(SIZES)


def check(path: Path) -> None:
    check_weights(path, network, PUBLISHED)


def load(path: Path) -> DoverQuality:
    return DoverQuality(load_network(path, network))
