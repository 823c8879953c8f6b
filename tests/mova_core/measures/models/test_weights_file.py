"""A file of weights is taken where it holds exactly what the network wants, and refused in one sentence elsewhere."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from mova_core.errors import UsageError
from mova_core.measures.models.weights_file import Published, check_weights, load_network

PUBLISHED = Published("toy", "the state_dict of a toy", unused=("text.",))


def build():
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))


@pytest.fixture
def written(tmp_path):
    """Function that writes tensors and gives the file's path."""

    def write(tensors):
        save_file(tensors, tmp_path / "toy.safetensors")
        return tmp_path / "toy.safetensors"

    return write


def test_the_weights_of_the_file_are_those_of_the_network(written):
    state = build().state_dict()
    path = written({**{name: tensor.half() for name, tensor in state.items()}, "text.weight": torch.zeros(4)})
    check_weights(path, build, PUBLISHED)
    network = load_network(path, build)
    assert not network.training and not any(weight.requires_grad for weight in network.parameters())
    for name, tensor in network.named_parameters():
        torch.testing.assert_close(tensor.data, state[name].half().float())


def test_what_becomes_of_the_file_leaves_the_network_as_it_was_checked(written):
    state = build().state_dict()
    path = written(state)
    network = load_network(path, build)
    with path.open("r+b") as file:
        file.seek(-64, 2)
        file.write(b"\0" * 64)
    for name, tensor in network.named_parameters():
        torch.testing.assert_close(tensor.data, state[name])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"0.weight": None}, r"toy.safetensors, which has no 0\.weight: expected the state_dict of a toy"),
        ({"0.weight": None, "0.bias": None}, r"has no 0\.weight \(and 1 more\)"),
        ({"0.weight": torch.zeros(2, 4)}, r"holds 0\.weight of shape \[2, 4\], not \[2, 3\]"),
        ({"1.num_batches_tracked": None, "1.running_var": None}, r"has no 1\.running_var: expected"),
        ({"head.weight": torch.zeros(1)}, r"holds the unknown head\.weight: expected"),
    ],
)
def test_other_weights_are_refused(written, change, told):
    state = {name: tensor for name, tensor in {**build().state_dict(), **change}.items() if tensor is not None}
    with pytest.raises(UsageError, match=told):
        check_weights(written(state), build, PUBLISHED)


def test_a_file_that_is_no_safetensors_is_refused(tmp_path):
    (tmp_path / "toy.safetensors").write_bytes(b"x" * 100)
    with pytest.raises(UsageError, match=r"params weights\.toy\.path is .*, which is no safetensors file"):
        check_weights(tmp_path / "toy.safetensors", build, PUBLISHED)
