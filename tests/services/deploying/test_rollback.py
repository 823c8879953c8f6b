"""A rollback moves the alias, and the service with it where one is deployed of that alias."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from mova_core.errors import MovaError, UsageError
from mova_core.registry.aliases import get_alias
from mova_core.registry.artifacts import MODEL, record_artifact, store_artifact
from mova_core.registry.database.connection import reading, writing
from mova_core.registry.database.tables import Checkpoint
from mova_core.registry.manifests import SELECTION_FILE
from mova_core.registry.promotion.promotion import Decision, carry_out
from mova_core.storage.manifest import file_entries, write_manifest
from services.deploying import rollback as module
from services.deploying.deployment import identity, record_deployment
from services.deploying.rollback import rollback
from services.settings import ServiceSettings

OLD, NEW = "a" * 16, "b" * 16


@pytest.fixture(autouse=True)
def champions(engine: sa.Engine, settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two models that were production, one after the other."""
    monkeypatch.chdir(settings.root)
    before = None
    for checkpoint_id in (OLD, NEW):
        folder = settings.root / "models/phase3"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / SELECTION_FILE).unlink(missing_ok=True)
        (folder / "weights.safetensors").write_text(checkpoint_id)
        judged = {"gates": [], "passed": True, "reason": "", "evaluation_sha256": "e" * 64, "phase": "phase3"}
        of = {"checkpoint_id": checkpoint_id, "manifest_sha256": checkpoint_id.ljust(64, "0")}
        write_manifest(folder / SELECTION_FILE, judged | of | {"files": file_entries(folder)})
        with writing(engine) as session:
            session.add(Checkpoint(checkpoint_id=checkpoint_id, phase="phase3"))
            session.flush()
            record_artifact(session, store_artifact(MODEL, folder, settings.root), settings.root)
        carry_out(engine, Decision("production", checkpoint_id, before, "promoted", "", {}), settings.root)
        before = checkpoint_id


@pytest.fixture
def deployed(settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """What the next deployment is asked for: starting a service is shown by `test_service.py`."""
    asked: list[Any] = []

    def deploy(alias: str, settings: ServiceSettings) -> dict[str, Any]:
        asked.append((alias, settings))
        return {"text": "mova:old serves"}

    monkeypatch.setattr(module, "deploy", deploy)
    yield asked


def record(settings: ServiceSettings, alias: str) -> None:
    values = {"alias": alias, "params": settings.params.model_dump(), "runtime": settings.runtime.model_dump()}
    record_deployment(settings.root, values | identity(os.getpid()))


def holder(engine: sa.Engine) -> str | None:
    with reading(engine) as session:
        return get_alias(session, "production")


def test_a_deployment_of_the_alias_is_replaced_with_the_settings_that_it_has(
    engine: sa.Engine, settings: ServiceSettings, deployed: list[Any]
) -> None:
    record(settings, "production")
    told = rollback("production", settings.root)
    assert holder(engine) == OLD and deployed == [("production", settings)]
    assert told["deployed"] == {"text": "mova:old serves"} and told["text"].endswith("mova:old serves")
    with pytest.raises(UsageError, match=f"has named only checkpoint {OLD}"):
        rollback("production", settings.root)


@pytest.mark.parametrize("alias", [None, "staging"])
def test_no_service_is_started_where_none_of_the_alias_runs(
    engine: sa.Engine, settings: ServiceSettings, deployed: list[Any], alias: str | None
) -> None:
    if alias is not None:
        record(settings, alias)
    told = rollback("production", settings.root)
    assert holder(engine) == OLD and deployed == [] and told["deployed"] is None
    assert "`mova deploy --alias production` starts one" in told["text"]


def test_a_service_that_cannot_be_replaced_is_told_with_what_to_run(
    engine: sa.Engine, settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(settings, "production")

    def fails(*_: Any) -> None:
        raise MovaError("no room")

    monkeypatch.setattr(module, "deploy", fails)
    with pytest.raises(MovaError, match=r"could not be deployed, though \(no room\): mend it and run `mova dep"):
        rollback("production", settings.root)
    assert holder(engine) == OLD
