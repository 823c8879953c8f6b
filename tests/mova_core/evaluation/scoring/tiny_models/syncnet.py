"""SyncNet with a small network in place of the published one, and a face that fills every frame."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mova_core.measures.models.syncnet.adapter import PUBLISHED, LipSyncMeasure
from mova_core.measures.models.syncnet.face_detector import DetectorSizes
from mova_core.measures.models.syncnet.network import Sizes, SyncNet
from mova_core.measures.models.weights_file import check_weights, load_network

SIZES = Sizes((2, 2, 2, 2, 2, 4), (2, 2, 4), 8, DetectorSizes((2, 2, 2, 2, 2), 4, (2, 2, 2, 2)))


class OneFace:
    def detect(self, frame: NDArray[np.uint8]) -> NDArray[np.float64]:
        return np.array([[-30.0, -30.0, 90.0, 90.0]])


def network() -> SyncNet:
    return SyncNet(SIZES)


def check(path: Path) -> None:
    check_weights(path, network, PUBLISHED)


def load(path: Path) -> LipSyncMeasure:
    return LipSyncMeasure(load_network(path, network), OneFace())
