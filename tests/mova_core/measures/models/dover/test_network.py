"""DOVER holds the published names and shapes; windows, borders and fragments by known answers."""

import hashlib

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mova_core.errors import UsageError
from mova_core.measures.clip import Clip
from mova_core.measures.models.dover.adapter import PUBLISHED, DoverQuality, check
from mova_core.measures.models.dover.convnext import ConvNextSizes
from mova_core.measures.models.dover.network import Dover, Sizes
from mova_core.measures.models.dover.shifted_windows import (
    border_mask,
    fitted,
    fragment_distance,
    joined,
    relative_index,
    rolled,
    split,
)
from mova_core.measures.models.dover.swin import SwinSizes
from mova_core.measures.models.weights_file import check_weights, load_network

TINY = Sizes(SwinSizes(2, (2, 1, 1, 1), (1, 1, 1, 1)), ConvNextSizes((2, 2, 2, 4), (1, 1, 1, 1)), hidden=3)
NAMES_SHA256 = "f40fef9686f3930882ce34cdc27a2fa059b769394c2a71724f02c7fd98eb8038"
"""Of the lines "name shape", sorted, of VQAssessment/DOVER's parts (f1ddc96), without `relative_position_index`."""


def tiny():
    return Dover(TINY)


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(0)
    tensors = {name: torch.randn_like(each) / 5 for name, each in tiny().state_dict().items()}
    index = "technical_backbone.layers.0.blocks.0.attn.relative_position_index"
    save_file({**tensors, index: torch.zeros(2, 2, dtype=torch.int64)}, tmp_path / "dover.safetensors")
    return tmp_path / "dover.safetensors"


def test_names_and_shapes_are_the_published_ones():
    with torch.device("meta"):
        state = Dover().state_dict()
    lines = sorted(f"{name} {list(each.shape)}" for name, each in state.items())
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == NAMES_SHA256
    first = "technical_backbone.layers.0.blocks.0.attn.fragment_position_bias_table"
    assert state[first].shape == (15 * 13 * 13, 3)
    assert first.replace("layers.0", "layers.3") not in state
    assert state["aesthetic_backbone.stages.2.1.dwconv.weight"].shape == (384, 1, 3, 7, 7)


def test_a_network_from_a_file_measures_and_repeats_itself(weights):
    check_weights(weights, tiny, PUBLISHED)
    with pytest.raises(UsageError, match=r"weights\.dover\.path .* has no technical_backbone\.layers\."):
        check(weights)  # too shallow to be the published one
    measure = DoverQuality(load_network(weights, tiny))
    frames = np.random.default_rng(0).integers(0, 255, (40, 240, 230, 3)).astype(np.uint8)
    clip = Clip(frames, np.zeros(100, np.float32), 24.0, 48_000)
    measured = measure(clip)
    assert measured == measure(clip)
    assert list(measured) == ["dover_aesthetic", "dover_technical"]
    assert all(0 <= value <= 1 for value in measured.values())


def test_windows_are_put_back_where_they_were():
    features = torch.arange(2 * 4 * 6 * 6 * 3).reshape(2, 4, 6, 6, 3).float()
    windows = split(features, (2, 3, 2))
    assert windows.shape == (2 * 2 * 2 * 3, 12, 3)
    torch.testing.assert_close(windows[1, 0], features[0, 0, 0, 2])
    torch.testing.assert_close(joined(windows, (2, 3, 2), (4, 6, 6)), features)
    torch.testing.assert_close(rolled(rolled(features, (1, 2, 3), -1), (1, 2, 3), 1), features)
    assert fitted((16, 7, 14), (8, 7, 7), (4, 3, 3)) == ((8, 7, 7), (4, 0, 3))


def test_each_distance_has_a_number_of_its_own():
    window = (2, 3, 2)
    index = relative_index(window)
    assert index.shape == (12, 12) and index.min() == 0 and index.max() == 3 * 5 * 3 - 1
    assert (index.diagonal() == 22).all()  # the middle of the table
    assert len(index.unique()) == 3 * 5 * 3
    torch.testing.assert_close(index + index.T, torch.full((12, 12), 44))


def test_what_was_rolled_in_is_left_alone():
    """Of 4 columns moved by 1, the last window holds column 3 and, rolled in, column 0."""
    mask = border_mask((1, 1, 4), (1, 1, 2), (0, 0, 1))
    torch.testing.assert_close(mask[0], torch.zeros(2, 2))
    torch.testing.assert_close(mask[1], torch.tensor([[0.0, -100], [-100, 0]]))


def test_places_of_one_fragment_are_told_from_those_of_others():
    """Fragments are as many as a window has rows and columns: of 8 x 8 places and 2 x 2, each holds 4 x 4 places."""
    still = fragment_distance((2, 8, 8), (1, 2, 2), (0, 0, 0))
    assert still.shape == (2 * 16, 4, 4) and still.max() == 0  # each window lies in one fragment
    moved = fragment_distance((2, 8, 8), (1, 2, 2), (0, 1, 1))
    across = moved[5]  # rows and columns 3 and 4: a corner of each of four fragments
    torch.testing.assert_close(across, torch.tensor([[0.0, 1, 1, 2], [1, 0, 2, 1], [1, 2, 0, 1], [2, 1, 1, 0]]))
    torch.testing.assert_close(moved[:16], moved[16:])
