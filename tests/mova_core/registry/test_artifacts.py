"""What was promoted is kept, whatever happens to models/ and dist/ afterwards."""

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mova_core.errors import StaleError
from mova_core.evaluation.promote import promote
from mova_core.places import ARTIFACTS
from mova_core.registry.aliases import get_alias
from mova_core.registry.artifacts import (
    MODEL,
    PACKAGE,
    kept_folder,
    record_artifact,
    store_artifact,
)
from mova_core.registry.database.connection import reading, writing
from mova_core.registry.database.tables import Artifact
from mova_core.registry.references import find_checkpoint, folder_of


@pytest.fixture(autouse=True)
def in_project(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.root)


def promoted(engine: sa.Engine, project: Any, seed: int) -> str:
    checkpoint_id = str(project.candidate(seed))
    assert promote(engine, "models/phase1", "production").outcome == "promoted"
    return checkpoint_id


def weights(engine: sa.Engine, reference: str) -> bytes:
    with reading(engine) as session:
        folder = folder_of(session, find_checkpoint(session, reference), Path())
    return (folder / "weights.safetensors").read_bytes()


def test_a_promoted_model_outlives_its_folder(engine: sa.Engine, project: Any) -> None:
    first = promoted(engine, project, 0)
    second = promoted(engine, project, 1)
    shutil.rmtree("models")
    shutil.rmtree("runs")
    assert weights(engine, "production") == second.encode()
    assert weights(engine, first) == first.encode()


def test_a_file_altered_in_place_afterwards_does_not_reach_the_kept_one(engine: sa.Engine, project: Any) -> None:
    checkpoint_id = promoted(engine, project, 0)
    with Path("models/phase1/weights.safetensors").open("r+b") as file:
        file.write(b"damaged")
    assert weights(engine, "production") == checkpoint_id.encode()


def test_an_altered_model_is_not_promoted(engine: sa.Engine, project: Any) -> None:
    project.candidate(0)
    Path("models/phase1/weights.safetensors").write_bytes(b"others")
    with pytest.raises(StaleError, match=r"weights\.safetensors has sha256 \w{12}, .* it was altered"):
        promote(engine, "models/phase1", "production")
    with reading(engine) as session:
        assert get_alias(session, "production") is None


def test_weights_that_are_nowhere_are_not_promoted(engine: sa.Engine, project: Any) -> None:
    checkpoint_id = project.candidate(0)
    promote(engine, "models/phase1", "production")
    shutil.rmtree("models")
    shutil.rmtree(ARTIFACTS)
    with pytest.raises(StaleError, match=f"weights of checkpoint {checkpoint_id} are not on this machine"):
        promote(engine, checkpoint_id, "staging")


def test_the_package_of_the_promoted_checkpoint_is_kept_and_its_files_are_stored_once(
    engine: sa.Engine, project: Any
) -> None:
    checkpoint_id = project.candidate(0)
    selection = json.loads(Path("models/phase1/selection.json").read_text())
    shutil.copytree("models/phase1", "dist/bento/model")
    files = {f"model/{name}": entry for name, entry in selection["files"].items()}
    project.write("dist/bento/reference.json", {"checkpoint_id": checkpoint_id, "files": files})
    promote(engine, "models/phase1", "production")
    with reading(engine) as session:
        model, package = (kept_folder(session, kind, checkpoint_id, Path()) for kind in (MODEL, PACKAGE))
        size = sum(entry["bytes"] for entry in files.values())
        assert session.scalar(sa.select(sa.func.sum(Artifact.bytes))) == 2 * size
    assert model is not None and package is not None
    assert os.path.samefile(model / "weights.safetensors", package / "model/weights.safetensors")


def test_a_machine_whose_clock_is_an_hour_behind_records_the_newest(
    engine: sa.Engine, project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint_id = project.candidate(0)
    promote(engine, "models/phase1", "production")
    selection = json.loads(Path("models/phase1/selection.json").read_text())
    project.write("models/phase1/selection.json", selection | {"reason": "judged once more"})
    behind = time.time() - 3600
    monkeypatch.setattr("mova_core.registry.artifacts.time.time", lambda: behind)
    stored = store_artifact(MODEL, project.root / "models/phase1", project.root)
    with writing(engine) as session:
        record_artifact(session, stored, project.root)
    with reading(engine) as session:
        newest = kept_folder(session, MODEL, checkpoint_id, project.root)
    assert newest == project.root / stored.path


def test_a_path_out_of_the_folder_is_refused(project: Any) -> None:
    project.candidate(0)
    selection = json.loads(Path("models/phase1/selection.json").read_text())
    for name in ("../weights", "/etc/passwd"):
        project.write("models/phase1/selection.json", selection | {"files": {name: {"bytes": 1, "sha256": "0" * 64}}})
        with pytest.raises(StaleError, match="expected a path inside the folder"):
            store_artifact(MODEL, Path("models/phase1"), Path())
