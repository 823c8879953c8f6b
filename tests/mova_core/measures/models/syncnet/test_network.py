"""SyncNet and its face detector hold the published names and shapes; boxes by known answers."""

import hashlib

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mova_core.errors import UsageError
from mova_core.measures.clip import Clip
from mova_core.measures.models.syncnet.adapter import PUBLISHED, LipSyncMeasure, check
from mova_core.measures.models.syncnet.face_detector import DetectorSizes, decoded, suppressed
from mova_core.measures.models.syncnet.network import Sizes, SyncNet
from mova_core.measures.models.weights_file import check_weights, load_network

TINY = Sizes((2, 2, 2, 2, 2, 4), (2, 2, 4), 8, DetectorSizes((2, 2, 2, 2, 2), 4, (2, 2, 2, 2)))
NAMES_SHA256 = "0c9bb68149f52623c90c09e8cd6944d59b649ebbe462b923d7c89d0b60f28094"
"""Of the lines "name shape", sorted, of the classes `S` and `S3FDNet` (after `s3fd.`) of syncnet_python at 6efbb1c."""


def tiny():
    return SyncNet(TINY)


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(0)
    state = tiny().state_dict()  # with batch norms of mean 0 and variance 1
    save_file(
        {name: each for name, each in state.items() if not name.endswith("num_batches_tracked")},
        tmp_path / "syncnet.safetensors",
    )
    return tmp_path / "syncnet.safetensors"


def test_names_and_shapes_are_the_published_ones():
    with torch.device("meta"):
        state = SyncNet().state_dict()
    lines = sorted(
        f"{name} {list(each.shape)}" for name, each in state.items() if not name.endswith("num_batches_tracked")
    )
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == NAMES_SHA256
    assert state["netcnnlip.0.weight"].shape == (96, 3, 5, 7, 7)
    assert state["netfcaud.3.weight"].shape == (1024, 512)
    assert state["s3fd.vgg.31.weight"].shape == (1024, 512, 3, 3)


def test_a_network_from_a_file_measures_and_repeats_itself(weights):
    check_weights(weights, tiny, PUBLISHED)
    with pytest.raises(UsageError, match=r"netcnnaud\.0\.weight of shape \[2, 1, 3, 3\], not \[64, 1, 3, 3\]"):
        check(weights)
    network = load_network(weights, tiny)
    noise = np.random.default_rng(0)
    frames = noise.integers(0, 255, (102, 64, 64, 3)).astype(np.uint8)
    clip = Clip(frames, noise.normal(0, 0.1, 102 * 640).astype(np.float32), 25.0, 16_000)

    class Steady:
        def detect(self, frame):
            return np.array([[-20.0, -20.0, 84.0, 84.0]])

    measured = LipSyncMeasure(network, Steady())(clip)
    assert measured == LipSyncMeasure(network, Steady())(clip)
    assert measured["lse_d"] > 0 and measured["lse_c"] >= 0
    with torch.inference_mode():
        assert network.s3fd.detect(noise.integers(0, 255, (150, 180, 3)).astype(np.uint8)).shape[1] == 4
        assert network.s3fd.detect(frames[0]).shape == (0, 4)  # too small for a face of 100 px


def test_a_run_of_frames_gives_the_features_of_each_window():
    torch.manual_seed(0)
    network, frames = tiny().eval(), torch.rand(27, 3, 224, 224) * 255
    with torch.inference_mode():
        run = network.video_features(frames)
        alone = torch.cat([network.video_features(frames[start : start + 5]) for start in (0, 19, 20, 22)])
    assert run.shape == (23, 8)
    torch.testing.assert_close(run[[0, 19, 20, 22]], alone)


def test_priors_are_squares_around_each_place():
    boxes = decoded(torch.zeros(6, 4), height=2, width=3, level=1)  # stride 8, side 32
    torch.testing.assert_close(boxes[0], torch.tensor([-12.0, -12, 20, 20]))
    torch.testing.assert_close(boxes[5], torch.tensor([4.0, -4, 36, 28]))
    moved = decoded(torch.tensor([[1.0, 0, float(np.log(2)) / 0.2, 0]]), height=1, width=1, level=0)  # side 16
    torch.testing.assert_close(moved, torch.tensor([[3.6 - 16, 2.0 - 8, 3.6 + 16, 2.0 + 8]]))


def test_the_surest_of_overlapping_boxes_is_kept():
    boxes = np.array([[0.0, 0, 10, 10], [1, 1, 11, 11], [50, 50, 60, 60], [7, 0, 17, 10]])
    kept = suppressed(boxes, np.array([0.92, 0.99, 0.95, 0.91]))
    np.testing.assert_array_equal(kept, boxes[[1, 2]])
    assert suppressed(np.empty((0, 4)), np.empty(0)).shape == (0, 4)
