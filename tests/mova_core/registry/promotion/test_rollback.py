"""An alias goes back along its own past."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mova_core.errors import StaleError, UsageError
from mova_core.evaluation.promote import promote
from mova_core.places import ARTIFACTS
from mova_core.registry.aliases import get_alias
from mova_core.registry.database.connection import reading
from mova_core.registry.database.tables import Promotion
from mova_core.registry.promotion.rollback import roll_back


@pytest.fixture(autouse=True)
def in_project(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.root)


@pytest.fixture
def ids(engine: sa.Engine, project: Any) -> list[str]:
    """Three checkpoints that were production, oldest first."""
    made = []
    for seed in range(3):
        made.append(project.candidate(seed))
        promote(engine, "models/phase1", "production")
    return made


def back(engine: sa.Engine) -> str | None:
    roll_back(engine, "production")
    with reading(engine) as session:
        return get_alias(session, "production")


def test_each_rollback_goes_back_one_more_and_is_logged(engine: sa.Engine, ids: list[str]) -> None:
    assert [back(engine), back(engine)] == [ids[1], ids[0]]
    with pytest.raises(UsageError, match=f"has named only checkpoint {ids[0]}: there is nothing to go back to"):
        back(engine)
    with reading(engine) as session:
        last = session.scalars(sa.select(Promotion).order_by(Promotion.event_id.desc())).first()
        assert last is not None and (last.champion_id, last.checkpoint_id) == (ids[1], ids[0])


def test_after_a_new_promotion_it_goes_back_to_where_the_alias_was(
    engine: sa.Engine, project: Any, ids: list[str]
) -> None:
    assert back(engine) == ids[1]
    project.candidate(7)
    promote(engine, "models/phase1", "production")
    assert [back(engine), back(engine)] == [ids[1], ids[0]]


def test_nothing_moves_where_the_weights_are_gone(engine: sa.Engine, ids: list[str]) -> None:
    shutil.rmtree(next(Path(ARTIFACTS, "models").glob(f"{ids[1]}-*")))
    next(Path(ARTIFACTS, "manifests/models").glob(f"{ids[1]}-*")).unlink()  # else it comes back from the store
    with pytest.raises(StaleError, match=f"weights of checkpoint {ids[1]} are not on this machine"):
        roll_back(engine, "production")
    with reading(engine) as session:
        assert get_alias(session, "production") == ids[2]


@pytest.mark.parametrize("kind", ["models", "packages"])
def test_nothing_moves_where_a_byte_of_the_checkpoint_before_was_altered(
    engine: sa.Engine, project: Any, kind: str
) -> None:
    first = project.candidate(0)
    files = json.loads(Path("models/phase1/selection.json").read_text())["files"]
    shutil.copytree("models/phase1", "dist/bento")
    project.write("dist/bento/reference.json", {"checkpoint_id": first, "files": files})
    Path("dist/bento/selection.json").unlink()
    promote(engine, "models/phase1", "production")
    second = project.candidate(1)
    promote(engine, "models/phase1", "production")
    (file,) = Path(ARTIFACTS, kind).glob(f"{first}-*/weights.safetensors")
    file.unlink()
    file.write_bytes(first.encode()[:-1] + b"?")
    with pytest.raises(StaleError, match=rf"{kind}/{first}\S+weights\.safetensors has sha256 .* bring back"):
        roll_back(engine, "production")
    with reading(engine) as session:
        assert get_alias(session, "production") == second
        assert session.scalar(sa.select(sa.func.count()).select_from(Promotion)) == 2


def test_an_alias_of_nothing_is_refused(engine: sa.Engine) -> None:
    with pytest.raises(UsageError, match="alias 'staging' names no checkpoint"):
        roll_back(engine, "staging")
