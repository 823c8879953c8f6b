"""Synchformer with a small network in place of the published one, for the table of models."""

from pathlib import Path

from mova_core.measures.models.synchformer.adapter import PUBLISHED, Desync
from mova_core.measures.models.synchformer.network import Synchformer
from mova_core.measures.models.synchformer.sizes import Sizes
from mova_core.measures.models.weights_file import check_weights, load_network

SIZES = Sizes(width=8, heads=2, blocks=1, sync_heads=2, sync_blocks=1, patch_px=56)


def network() -> Synchformer:
    return Synchformer(SIZES)


def check(path: Path) -> None:
    check_weights(path, network, PUBLISHED)


def load(path: Path) -> Desync:
    return Desync(load_network(path, network))
