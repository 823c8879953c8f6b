"""Files of weights: each is read, written and let go before the next."""

import json
import weakref

import pytest
import torch
from safetensors.torch import load_file

from mova_core.model.weights import write
from mova_core.model.weights.write import one_by_one, write_weights

FLOAT_BYTES = 4


@pytest.fixture
def tensors():
    """Twenty of 400 bytes, one of 4000."""
    shapes = {f"part.{number:02d}": 100 for number in range(20)} | {"large": 1000}
    return {name: torch.randn(shape) for name, shape in shapes.items()}


def test_one_file_at_a_time_is_in_memory(tensors, tmp_path, monkeypatch):
    alive, peaks = weakref.WeakSet(), []
    save_file = write.save_file

    def weights(name: str) -> torch.Tensor:
        value = tensors[name].clone()
        alive.add(value)
        peaks.append(sum(each.nbytes for each in alive))
        return value

    monkeypatch.setattr(write, "save_file", lambda given, *place, **options: save_file(given, *place, **options))
    write_weights(tmp_path, {name: each.to("meta") for name, each in tensors.items()}, one_by_one(weights), 1000)
    assert max(peaks) == 4000
    files = sorted(tmp_path.glob("*.safetensors"))
    assert len(files) == 11
    index = json.loads((tmp_path / "diffusion_pytorch_model.safetensors.index.json").read_text())
    assert index["metadata"]["total_size"] == 20 * 400 + 4000
    for path in files:
        for name, value in load_file(path).items():
            assert index["weight_map"][name] == path.name
            assert torch.equal(value, tensors[name])


def test_one_file_has_no_index(tensors, tmp_path):
    write_weights(tmp_path, {name: each.to("meta") for name, each in tensors.items()}, one_by_one(tensors.__getitem__))
    assert [path.name for path in tmp_path.iterdir()] == ["diffusion_pytorch_model.safetensors"]
