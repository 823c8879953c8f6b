"""Weights of a checkpoint as component folders: the bytes of a model folder, and never the whole model in memory."""

import weakref

import pytest
import torch

from mova_core.model.towers.dual_tower import DualTower
from mova_core.model.weights import write
from mova_core.training.checkpoints.weights import write_components


@pytest.fixture
def checkpoint(nano_towers, save_checkpoint, tmp_path):
    return save_checkpoint(tmp_path / "checkpoints", 1, nano_towers)


def test_the_bytes_are_those_of_the_model_itself(checkpoint, nano_towers, tmp_path):
    nano_towers.save_pretrained(tmp_path / "model")
    write_components(checkpoint, "ema", tmp_path / "ema")
    written = {path.relative_to(tmp_path / "ema"): path.read_bytes() for path in (tmp_path / "ema").glob("*/*")}
    assert written == {
        path.relative_to(tmp_path / "model"): path.read_bytes() for path in (tmp_path / "model").glob("*/*")
    }


def test_shards_are_written_one_after_the_other(checkpoint, nano_towers, tmp_path, monkeypatch):
    limit, most = 400_000, []
    made: list[weakref.ref] = []
    empty_like, save_file = torch.empty_like, write.save_file

    def watched(tensor, **options):
        room = empty_like(tensor, **options)
        made.append(weakref.ref(room))
        return room

    def saving(tensors, path, **options):
        most.append(sum(tensor.nbytes for each in made if (tensor := each()) is not None))
        save_file(tensors, path, **options)

    monkeypatch.setattr(torch, "empty_like", watched)
    monkeypatch.setattr(write, "save_file", saving)
    write_components(checkpoint, "ema", tmp_path / "model", shard_bytes=limit)
    assert len(most) > 8 and max(most) <= limit, "tensors of another file are still in memory"
    monkeypatch.undo()
    read = DualTower.from_pretrained(tmp_path / "model").state_dict()
    assert all(torch.equal(read[name], value) for name, value in nano_towers.state_dict().items())
