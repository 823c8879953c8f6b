"""Production generates, deploys and rolls back whatever has become of models/ and dist/ since."""

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mova_core.errors import StaleError
from mova_core.evaluation.promote import promote
from mova_core.model.model_folder import load_components, save_components
from mova_core.model.weights.fresh import preset_dual_tower
from mova_core.params import Params
from mova_core.registry.bundle.export import export_bundle
from mova_core.registry.bundle.importing import import_bundle
from mova_core.registry.database.connection import opened_database
from mova_core.registry.manifests import REFERENCE_FILE
from mova_core.registry.promotion.rollback import roll_back
from mova_core.registry.references import model_folder as folder_named
from mova_core.sampling.pipeline import MovaPipeline
from mova_core.storage.manifest import verify
from services.packaging.model_manifest import verify_packaged
from services.packaging.package import Reference, package, source_folder
from services.packaging.promoted_package import promoted_package
from services.settings import ServiceSettings

SUITE = {"name": "captions", "seeds": [0], "clips": 1, "sha256": "5" * 64}


def entry(path: Path) -> dict[str, object]:
    return {"bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def offer(engine: sa.Engine, root: Path, model: Path, checkpoint_id: str) -> None:
    """Put a model into models/phase3 as `mova select` does, in place of the one there, and promote it."""
    target, evaluation = root / "models/phase3", root / "reports/evaluation/phase3/metrics.json"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(model, target)
    evaluation.parent.mkdir(parents=True, exist_ok=True)
    (root / "params.yaml").touch()
    clips = evaluation.with_name("clips.jsonl")
    clips.write_text("")
    metrics = {"decodable_share": {"value": 1.0, "better": "higher"}}
    of = {"phase": "phase3", "checkpoint_id": checkpoint_id}
    measured = {"suite": SUITE, "metrics": metrics, "clips_sha256": entry(clips)["sha256"]}
    evaluation.write_text(json.dumps(of | measured))
    shutil.copytree(evaluation.parent, target / "evaluation")
    files = {path.relative_to(target).as_posix(): entry(path) for path in target.rglob("*") if path.is_file()}
    judged = {"gates": [{"name": "decodable_share", "value": 1.0, "limit": 1.0, "passed": True}], "passed": True}
    hashes = {"manifest_sha256": checkpoint_id.ljust(64, "0"), "evaluation_sha256": entry(evaluation)["sha256"]}
    (target / "selection.json").write_text(json.dumps(of | judged | hashes | {"reason": "passed", "files": files}))
    decision = promote(engine, "models/phase3", "production")
    assert decision.outcome == "promoted", decision.reason


def clip(folder: Path) -> np.ndarray:
    return MovaPipeline.from_pretrained(folder)("a red ball", seed=3, steps=1).video


def test_production_generates_and_goes_back_after_retraining(
    engine: sa.Engine,
    settings: ServiceSettings,
    dist: Path,
    model_folder: Path,
    tmp_path: Path,
    objects: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(settings.root)
    objects.client.make_bucket("promoted-package")
    Path("params.yaml").write_text("registry: {store: 's3://promoted-package/a'}")
    monkeypatch.setenv("MOVA_DATABASE_URL", settings.database_url)
    newer = tmp_path / "newer"
    save_components(replace(load_components(model_folder), towers=preset_dual_tower(Params(seed=4))), newer)
    first, second = Reference.read(dist).checkpoint_id, "b" * 16
    shutil.copytree(dist, "dist/bento")
    offer(engine, settings.root, model_folder, first)
    offer(engine, settings.root, newer, second)
    for folder in ("models", "dist", "reports"):
        shutil.rmtree(folder)

    assert np.array_equal(clip(folder_named("production")), clip(newer))
    made = promoted_package(engine, "production", settings.root)  # none was kept: built from the kept model
    assert Reference.read(made).checkpoint_id == second
    assert np.array_equal(clip(source_folder(made) / "model"), clip(newer))
    assert promoted_package(engine, "production", settings.root) == made
    brand_new = tmp_path / "another machine"
    brand_new.mkdir()
    shutil.copy("params.yaml", brand_new)
    fetched = promoted_package(engine, "production", brand_new)
    assert fetched.is_relative_to(brand_new) and verify_packaged(source_folder(fetched)).checkpoint_id == second
    verify(fetched, Reference.read(made).files, "", unlisted=(REFERENCE_FILE,))

    assert roll_back(engine, "production").candidate_id == first
    assert np.array_equal(clip(folder_named("production")), clip(model_folder))
    assert not np.array_equal(clip(model_folder), clip(newer))
    kept = promoted_package(engine, "production", settings.root)
    for folder in (kept, dist):
        verify(folder, Reference.read(dist).files, "", unlisted=(REFERENCE_FILE,))

    path = source_folder(kept) / "model/model_index.json"
    path.unlink()
    with pytest.raises(StaleError, match=r"model_index\.json is missing"):
        promoted_package(engine, "production", settings.root)


def test_an_imported_champion_is_packaged_and_makes_the_same_clip(
    engine: sa.Engine,
    settings: ServiceSettings,
    dist: Path,
    model_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(settings.root)
    offer(engine, settings.root, model_folder, Reference.read(dist).checkpoint_id)
    key = Ed25519PrivateKey.generate()
    export_bundle(engine, "production", tmp_path / "champion.tar", key)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv("MOVA_DATABASE_URL", f"sqlite:///{elsewhere}/registry.db")
    with opened_database() as other:
        imported = import_bundle(other, tmp_path / "champion.tar", key.public_key())
    package(folder_named(imported.checkpoint_id), Path("dist/bento"))
    assert Reference.read(Path("dist/bento")).smoke == Reference.read(dist).smoke
