"""Saving while training goes on: what is written, when, and what happens when it cannot be."""

import errno
import os
import pickle
import threading
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from mova_core.errors import DiskFull, StaleError
from mova_core.training.checkpoints import writer
from mova_core.training.checkpoints.checkpoint import finished, last_checkpoint
from mova_core.training.checkpoints.reader import restore
from mova_core.training.checkpoints.saver import CheckpointSaver

save_file = writer.save_file


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_training_goes_on_while_the_state_of_then_is_written(opened, step, manifest, tmp_path, monkeypatch):
    with opened() as strategy:
        step(strategy, 0, "audio_dit")
        with CheckpointSaver(tmp_path / "waited", 2, strategy) as saver:
            saver.save(manifest(1))

        may_write = threading.Event()

        def held_up(*args, **options):
            assert may_write.wait(60)
            save_file(*args, **options)

        monkeypatch.setattr(writer, "save_file", held_up)
        with CheckpointSaver(tmp_path / "meanwhile", 2, strategy) as saver:
            saver.save(manifest(1))
            step(strategy, 1, "audio_dit", "dual_tower_bridge")
            saver.check()
            there = (tmp_path / "meanwhile/step-000001").exists()
            may_write.set()
        assert not there
        assert contents(tmp_path / "meanwhile") == contents(tmp_path / "waited")
        assert not (tmp_path / "meanwhile/step-000001/.metadata").exists()


def test_the_next_waits_for_the_one_under_way(opened, manifest, tmp_path, monkeypatch):
    writing, most = [], []

    def counted(tensors, path, **options):
        writing.append(path)
        most.append(len({each.parent for each in writing}))
        save_file(tensors, path, **options)
        writing.remove(path)

    monkeypatch.setattr(writer, "save_file", counted)
    with opened() as strategy, CheckpointSaver(tmp_path, 9, strategy) as saver:
        for number in range(4):
            saver.save(manifest(number))
    assert [each.step for each in finished(tmp_path)] == [0, 1, 2, 3]
    assert max(most) == 1


def test_without_room_the_earlier_checkpoint_stays(opened, manifest, tmp_path, monkeypatch):
    def full(tensors, path, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    with opened() as strategy:
        with CheckpointSaver(tmp_path, 1, strategy) as saver:
            saver.save(manifest(1))
        monkeypatch.setattr(writer, "save_file", full)
        sentence = r"^\S+ has no room for step-000002 \(\d+ MiB free.*what is finished is kept$"
        with pytest.raises(DiskFull, match=sentence), CheckpointSaver(tmp_path, 1, strategy) as saver:
            saver.save(manifest(2))
    assert os.listdir(tmp_path) == ["step-000001"]
    assert last_checkpoint(tmp_path).step == 1


def test_an_error_of_the_run_is_the_one_that_is_told(opened, manifest, tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "save_file", lambda *args, **options: 1 / 0)
    with pytest.raises(KeyError), opened() as strategy, CheckpointSaver(tmp_path, 1, strategy) as saver:
        saver.save(manifest(1))
        raise KeyError


def test_a_restored_run_goes_on_as_the_one_that_was_saved(opened, step, manifest, tmp_path, monkeypatch):
    """The Bridge has made no step when it is saved, so it has no moments yet."""
    with opened() as one, opened() as other:
        step(one, 0, "audio_dit")
        with CheckpointSaver(tmp_path, 1, one) as saver:
            saver.save(manifest(1))
        (checkpoint,) = finished(tmp_path)
        assert not any("bridge" in name for name in load_file(checkpoint.folder / "optimizer-00001.safetensors"))

        for name in ("load", "loads", "Unpickler"):
            monkeypatch.setattr(pickle, name, lambda *args, **options: pytest.fail("unpickled"))
        restore(checkpoint, other)
        for strategy in (one, other):
            step(strategy, 1, "audio_dit", "dual_tower_bridge")
        got, expected = other.state(), one.state()
        assert got.keys() == expected.keys()
        assert all(torch.equal(got[name], value) for name, value in expected.items())


def test_another_model(opened, manifest, tmp_path):
    with opened() as strategy:
        with CheckpointSaver(tmp_path, 1, strategy) as saver:
            saver.save(manifest(1))
        (checkpoint,) = finished(tmp_path)
        strategy.module.audio_dit = torch.nn.Linear(4, 2)
        with pytest.raises(StaleError, match=r"does not fit the model .*audio_dit.*remove .*step-000001"):
            restore(checkpoint, strategy)
        del strategy.module.audio_dit
        with pytest.raises(StaleError, match=r"holds model.audio_dit.bias, which the model has not"):
            restore(checkpoint, strategy)


def test_a_header_has_the_same_bytes_every_time(opened, manifest, tmp_path):
    """Torch's own writer puts three entries into it, whose order changes from file to file."""
    with opened() as strategy, CheckpointSaver(tmp_path, 9, strategy) as saver:
        for number in range(6):
            saver.save(manifest(number))
    parts = {(checkpoint.folder / "ema-00001.safetensors").read_bytes() for checkpoint in finished(tmp_path)}
    assert len(parts) == 1
    with safe_open(tmp_path / "step-000000/ema-00001.safetensors", "pt") as file:
        assert file.metadata().keys() == {"DCP_SHARDING_INFO"}
