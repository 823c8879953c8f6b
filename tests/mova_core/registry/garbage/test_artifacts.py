"""What an alias, a deployment, a served clip or the last promotions need stays; the rest of the store is found."""

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mova_core.errors import StaleError
from mova_core.evaluation.promote import promote
from mova_core.places import ARTIFACTS, DEPLOYMENT
from mova_core.registry import artifacts as artifacts_module
from mova_core.registry.aliases import get_alias
from mova_core.registry.artifacts import MODEL, store_artifact
from mova_core.registry.database.connection import reading, writing
from mova_core.registry.database.tables import Job
from mova_core.registry.garbage.artifacts import YOUNG_S
from mova_core.registry.garbage.collect import find_garbage, remove_garbage
from mova_core.registry.promotion import promotion as promotion_module
from mova_core.registry.references import find_checkpoint, folder_of
from mova_core.registry.sync import sync

NO_SMOKE_CLIP = "promote: {smoke_clip: false}\n"  # the models are no weights
KEEP_TWO = "registry:\n  keep_last: 2\n"


@pytest.fixture(autouse=True)
def in_project(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.root)
    Path("params.yaml").write_text(KEEP_TWO + NO_SMOKE_CLIP)


@pytest.fixture
def champions(engine: sa.Engine, project: Any) -> list[str]:
    """Four checkpoints that were production one after the other, all of them long ago."""
    made = []
    for seed in range(4):
        made.append(str(project.candidate(seed)))
        assert promote(engine, "models/phase1", "production").outcome == "promoted"
    grow_old()
    return made


def grow_old() -> None:
    for path in Path(ARTIFACTS).rglob("*"):
        if path.is_file():
            os.utime(path, (time.time() - 2 * YOUNG_S,) * 2)


def places(engine: sa.Engine) -> set[str]:
    return {each.place.removeprefix(f"{ARTIFACTS.absolute()}/") for each in find_garbage(Path(), engine)}


def named(found: set[str]) -> set[str]:
    """Checkpoints among what may go."""
    return {Path(place).name.partition("-")[0] for place in found if "/models/" in place}


def weights(engine: sa.Engine, reference: str) -> bytes:
    with reading(engine) as session:
        folder = folder_of(session, find_checkpoint(session, reference), Path())
    return (folder / "weights.safetensors").read_bytes()


def test_all_but_the_last_of_an_alias_go_with_their_blobs(engine: sa.Engine, champions: list[str]) -> None:
    found = places(engine)
    assert named(found) == set(champions[:2])
    assert len([place for place in found if place.startswith("blobs/")]) == 4  # weights and metrics.json of each
    removed = remove_garbage(Path(), engine)
    assert len(removed) == len(found) == 8 and places(engine) == set()
    for kept in champions[2:]:
        assert weights(engine, kept) == kept.encode()
    with pytest.raises(StaleError, match="are not on this machine"):
        shutil.rmtree("models")
        weights(engine, champions[0])


def test_a_deployment_and_a_served_clip_keep_their_checkpoint(engine: sa.Engine, champions: list[str]) -> None:
    DEPLOYMENT.write_text(json.dumps({"checkpoint_id": champions[0]}))
    assert named(places(engine)) == {champions[1]}
    job = {"status": "completed", "request": {}, "progress": 100, "created_at": 1.0, "checkpoint_id": champions[1]}
    with writing(engine) as session:
        session.add(Job(job_id="video_1", **job))
    assert places(engine) == set()


def test_what_is_young_or_of_a_checkpoint_that_nobody_here_knows_stays(engine: sa.Engine, project: Any) -> None:
    project.candidate(2)
    store_artifact(MODEL, Path("models/phase1"), Path())  # as a promotion that was killed leaves it
    grow_old()
    assert places(engine) == set()
    sync(engine)
    assert len(places(engine)) == 5
    for blob in (ARTIFACTS / "blobs").rglob("*"):
        os.utime(blob)
    assert not any(place.startswith("blobs") for place in places(engine))


def test_another_store_is_looked_through_too(engine: sa.Engine, project: Any, tmp_path: Path) -> None:
    Path("params.yaml").write_text(f"registry:\n  keep_last: 1\n  store: {tmp_path}/shared\n{NO_SMOKE_CLIP}")
    for seed in range(2):
        project.candidate(seed)
        promote(engine, "models/phase1", "production")
    for path in (tmp_path / "shared").rglob("*"):
        os.utime(path, (time.time() - 2 * YOUNG_S,) * 2)
    found = [place for place in places(engine) if place.startswith(f"{tmp_path}/shared/")]
    assert len(found) == 3
    remove_garbage(Path(), engine)
    assert len(list((tmp_path / "shared/manifests/models").iterdir())) == 1


def test_collected_while_it_was_promoted_again_it_is_not_promoted_and_a_rerun_succeeds(
    engine: sa.Engine, project: Any, champions: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store: Callable[..., Any] = artifacts_module.store_artifact

    def store_then_collect(*arguments: Any) -> Any:
        stored = store(*arguments)
        grow_old()
        remove_garbage(Path(), engine)
        return stored

    checkpoint_id = project.candidate(9)
    monkeypatch.setattr(promotion_module, "store_artifact", store_then_collect)
    with pytest.raises(StaleError, match=r"was removed by garbage collection meanwhile .* run it again"):
        promote(engine, "models/phase1", "production")
    with reading(engine) as session:
        assert get_alias(session, "production") == champions[-1]
    monkeypatch.setattr(promotion_module, "store_artifact", store)
    assert promote(engine, "models/phase1", "production").outcome == "promoted"
    assert weights(engine, "production") == checkpoint_id.encode()
