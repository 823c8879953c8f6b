"""Checkpoints go into a bucket beside training, which no fault of the bucket stops, and come back elsewhere."""

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from mova_core.errors import StaleError
from mova_core.params import Params
from mova_core.storage.artifact_store import retry
from mova_core.storage.artifact_store.open import open_artifact_store
from mova_core.storage.hashing import sha256_folder
from mova_core.training.checkpoints.checkpoint import Checkpoint
from mova_core.training.checkpoints.stored import KIND, put_checkpoint
from mova_core.training.checkpoints.uploads import Uploads
from mova_core.training.launch import started
from mova_core.training.preflight import Places
from mova_core.training.recipe import PHASES

RUN = Path("runs/audio")


@pytest.fixture
def bucket(objects):
    name = "u" + hashlib.sha256(os.urandom(8)).hexdigest()[:20]
    objects.client.make_bucket(name)
    return f"s3://{name}/kept"


@pytest.fixture
def train(section, bucket):
    """Function that trains the first phase, as the command does."""

    def run(**changes):
        params = Params(train=section(**changes), registry={"store": bucket})
        return started.train(PHASES["audio"], params, Places(), None)

    return run


def names(bucket):
    return list(open_artifact_store(bucket, Path()).manifests(KIND))


def step_of(name):
    """How the folder of a checkpoint is called."""
    return name[len("audio-") + 17 :]


def missing(bucket):
    """Checkpoints that are kept here and are not in the bucket, which may hold more that were kept for a while."""
    return {path.name for path in (RUN / "checkpoints").iterdir()} - set(map(step_of, names(bucket)))


def elsewhere(project_once, tmp_path, monkeypatch):
    """Another machine, with the same inputs."""
    folder = tmp_path / "elsewhere"
    shutil.copytree(project_once, folder)
    monkeypatch.chdir(folder)
    return folder


def test_training_goes_on_elsewhere_and_ends_in_the_same_bytes(
    project, project_once, train, bucket, tmp_path, monkeypatch, capsys
):
    train()
    assert not missing(bucket)
    ended_in = sha256_folder(RUN)
    store = open_artifact_store(bucket, Path())
    store.remove_manifest(KIND, names(bucket)[-1])  # as if the machine had been lost before its last upload
    elsewhere(project_once, tmp_path, monkeypatch)
    capsys.readouterr()
    assert train()["steps"] == 6
    assert "audio goes on from step 4, which s3://" in capsys.readouterr().err
    assert sha256_folder(RUN) == ended_in and not missing(bucket)
    train()  # all is here and there
    assert "goes on" not in capsys.readouterr().err


def test_a_run_of_other_params_brings_nothing(project, project_once, train, tmp_path, monkeypatch, capsys):
    train()
    elsewhere(project_once, tmp_path, monkeypatch)
    capsys.readouterr()
    train(batch=4)
    assert "goes on" not in capsys.readouterr().err


def test_a_bucket_that_does_not_answer_costs_warnings_and_the_next_call_uploads(
    project, train, bucket, monkeypatch, capsys
):
    monkeypatch.setattr(retry, "RETRY_FOR_S", 0.0)
    with monkeypatch.context() as gone:
        gone.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        assert train()["steps"] == 6
    told = capsys.readouterr().err
    assert "no checkpoint of audio could be brought from the store (no object store answers" in told
    assert "was not uploaded (no object store answers" in told and names(bucket) == []
    train()
    assert not missing(bucket)


def test_an_upload_that_was_cut_off_is_gone_on_with(project, train, bucket):
    train()
    store = open_artifact_store(bucket, Path())
    name = names(bucket)[-1]
    store.remove_manifest(KIND, name)
    checkpoint = Checkpoint.read(RUN / "checkpoints" / step_of(name))
    asked = iter([True, True, False])
    assert not put_checkpoint(store, RUN, checkpoint, lambda: next(asked)) and name not in names(bucket)
    assert put_checkpoint(store, RUN, checkpoint) and name in names(bucket)


def test_a_damaged_checkpoint_is_not_uploaded(project, train, bucket, capsys):
    train()
    store = open_artifact_store(bucket, Path())
    name = names(bucket)[-1]
    store.remove_manifest(KIND, name)
    checkpoint = Checkpoint.read(RUN / "checkpoints" / step_of(name))
    file = checkpoint.folder / sorted(checkpoint.manifest.files)[0]
    file.write_bytes(b"x" + file.read_bytes()[1:])
    with pytest.raises(StaleError, match="it was altered"):
        put_checkpoint(store, RUN, checkpoint)
    with Uploads(store, RUN, checkpoint.fingerprint):
        pass
    assert "was not uploaded" in capsys.readouterr().err and name not in names(bucket)
