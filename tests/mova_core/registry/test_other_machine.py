"""A machine with nothing but the database, params.yaml and the store's keys: what was promoted comes, verified."""

import hashlib
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mova_core.errors import MovaError, StaleError, UsageError
from mova_core.evaluation.promote import promote
from mova_core.places import ARTIFACTS
from mova_core.registry.artifacts import MODEL, kept_folder, store_artifact
from mova_core.registry.configured_store import configured_store
from mova_core.registry.database.connection import reading
from mova_core.registry.database.tables import Alias, Artifact, Promotion
from mova_core.registry.references import find_checkpoint, folder_of
from mova_core.storage.artifact_store import retry


@pytest.fixture
def store_folder(project: Any, objects: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's store is a bucket: where it lies on the server's disk."""
    monkeypatch.chdir(project.root)
    bucket = "o" + hashlib.sha256(os.urandom(8)).hexdigest()[:20]
    objects.client.make_bucket(bucket)
    Path("params.yaml").write_text(f"registry: {{store: 's3://{bucket}/kept'}}\npromote: {{smoke_clip: false}}\n")
    return Path(objects.folder / bucket / "kept")


@pytest.fixture
def elsewhere(store_folder: Path, tmp_path: Path) -> Path:
    """A project that has its params.yaml and nothing else."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    shutil.copy("params.yaml", folder)
    return folder


def promoted(engine: sa.Engine, project: Any, seed: int = 0) -> str:
    checkpoint_id = str(project.candidate(seed))
    assert promote(engine, "models/phase1", "production").outcome == "promoted"
    return checkpoint_id


def production(engine: sa.Engine, root: Path) -> Path:
    with reading(engine) as session:
        return folder_of(session, find_checkpoint(session, "production", root), root)


def test_the_promoted_model_comes_to_a_machine_that_never_saw_it(
    engine: sa.Engine, project: Any, elsewhere: Path
) -> None:
    checkpoint_id = promoted(engine, project)
    folder = production(engine, elsewhere)
    assert folder.is_relative_to(elsewhere / ARTIFACTS)
    assert (folder / "weights.safetensors").read_bytes() == checkpoint_id.encode()
    assert (folder / "selection.json").read_bytes() == Path("models/phase1/selection.json").read_bytes()
    again = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert production(engine, elsewhere) == folder
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == again


def test_what_is_damaged_in_the_store_is_refused_and_nothing_is_left_of_it(
    engine: sa.Engine, project: Any, elsewhere: Path, store_folder: Path
) -> None:
    checkpoint_id = promoted(engine, project)
    sha256 = hashlib.sha256(checkpoint_id.encode()).hexdigest()
    blob = store_folder / "blobs" / sha256[:2] / sha256
    blob.write_bytes(b"x" * 16)
    with pytest.raises(StaleError, match=r"blob \w{12} in s3://.* it was damaged"):
        production(engine, elsewhere)
    configured_store().remove_blob(sha256)
    with pytest.raises(StaleError, match=r"blob \w{12} is not in s3://"):
        production(engine, elsewhere)
    assert not (elsewhere / ARTIFACTS / "models").exists() and not list((elsewhere / ARTIFACTS).rglob(sha256))
    store_artifact(MODEL, Path("models/phase1"), Path())  # where it is kept, it is put again
    assert (production(engine, elsewhere) / "weights.safetensors").read_bytes() == checkpoint_id.encode()


def test_a_swapped_manifest_is_refused(engine: sa.Engine, project: Any, elsewhere: Path, store_folder: Path) -> None:
    promoted(engine, project)
    (manifest,) = (store_folder / "manifests/models").iterdir()
    manifest.write_bytes(manifest.read_bytes().replace(b'"passed"', b'"Passed"'))
    with pytest.raises(StaleError, match="it was swapped"):
        production(engine, elsewhere)
    assert not (elsewhere / ARTIFACTS / "models").exists()


@pytest.mark.parametrize(("name", "said"), [("weights.pkl", "a pickle"), ("run.sh", "no file of a model")])
def test_a_pickle_and_what_no_model_has_are_refused(
    engine: sa.Engine, project: Any, store_folder: Path, name: str, said: str
) -> None:
    import json

    project.candidate(0)
    Path("models/phase1", name).write_bytes(b"\x80\x04.")
    selection = json.loads(Path("models/phase1/selection.json").read_text())
    entry = {"bytes": 3, "sha256": hashlib.sha256(b"\x80\x04.").hexdigest()}
    selection["files"][name] = entry
    project.write("models/phase1/selection.json", selection)
    with pytest.raises(UsageError, match=said):
        promote(engine, "models/phase1", "production")
    assert not store_folder.exists()


def test_a_store_that_does_not_answer_leaves_nothing_registered(
    engine: sa.Engine, project: Any, store_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.candidate(0)
    monkeypatch.setattr(retry, "RETRY_FOR_S", 0.2)
    address = os.environ["AWS_ENDPOINT_URL"]
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(MovaError, match=r"no object store answers at 127\.0\.0\.1:1"):
        promote(engine, "models/phase1", "production")
    with reading(engine) as session:
        for table in (Alias, Artifact, Promotion):
            assert session.scalars(sa.select(table)).all() == []
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    assert promote(engine, "models/phase1", "production").outcome == "promoted"


def test_a_bucket_that_comes_later_gets_what_is_promoted_again(
    engine: sa.Engine, project: Any, elsewhere: Path, store_folder: Path
) -> None:
    params = Path("params.yaml").read_text()
    Path("params.yaml").write_text("promote: {smoke_clip: false}\n")
    checkpoint_id = promoted(engine, project)
    with pytest.raises(StaleError, match="are not on this machine"):
        production(engine, elsewhere)
    Path("params.yaml").write_text(params)
    assert promote(engine, checkpoint_id, "production").outcome == "unchanged"
    assert (production(engine, elsewhere) / "weights.safetensors").read_bytes() == checkpoint_id.encode()


def test_what_an_earlier_version_kept_is_taken_over(engine: sa.Engine, project: Any, monkeypatch: Any) -> None:
    monkeypatch.chdir(project.root)
    checkpoint_id = promoted(engine, project)
    (folder,) = (ARTIFACTS / "models").iterdir()
    store = configured_store()
    earlier = ARTIFACTS / "files"
    earlier.mkdir()
    for blob in list(store.blobs()):
        (ARTIFACTS / "blobs" / blob.sha256[:2] / blob.sha256).rename(earlier / blob.sha256)
    for name in list(store.manifests("models")):
        store.remove_manifest("models", name)
    shutil.rmtree("models")
    newer = promoted(engine, project, 1)  # any use of the artifacts takes the earlier ones over
    assert not earlier.exists() and set(store.manifests("models")) >= {folder.name}
    shutil.rmtree(folder)
    with reading(engine) as session:
        found = [kept_folder(session, MODEL, each, Path()) for each in (checkpoint_id, newer)]
    assert [(each / "weights.safetensors").read_bytes() for each in found if each] == [
        checkpoint_id.encode(),
        newer.encode(),
    ]
