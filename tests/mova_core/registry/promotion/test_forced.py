"""A forced promotion passes over the comparison, needs a reason and verified bytes, and is shown as forced for good."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from mova_core.errors import StaleError, UsageError
from mova_core.evaluation.promote import promote
from mova_core.registry.aliases import get_alias
from mova_core.registry.database.connection import reading
from mova_core.registry.database.tables import Promotion
from mova_core.registry.lineage.lineage import lineage
from mova_core.registry.lineage.tree import draw
from mova_core.registry.listing import listing
from mova_core.registry.promotion.log import check_chain

FOLDER, ALIAS, REASON = "models/phase1", "production", "its footage was withdrawn"


@pytest.fixture(autouse=True)
def champion(engine: sa.Engine, project: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """A champion that the next candidate is far behind."""
    monkeypatch.chdir(project.root)
    project.candidate(0, f1=0.9)
    return promote(engine, FOLDER, ALIAS).candidate_id


def last_event(engine: sa.Engine) -> Promotion:
    with reading(engine) as session:
        check_chain(session)
        return session.scalars(sa.select(Promotion).order_by(Promotion.event_id.desc())).first()


def text_of(engine: sa.Engine, table: str | None) -> str:
    with reading(engine) as session:
        return str(listing(session, table)["text"])


def test_it_is_promoted_and_says_what_the_rule_said(engine: sa.Engine, project: Any, champion: str) -> None:
    worse = project.candidate(1, f1=0.2)
    decision = promote(engine, FOLDER, ALIAS, force=f" {REASON} ")
    assert decision.outcome == "promoted" and decision.reason.startswith(f"FORCED: checkpoint {worse} becomes {ALIAS}")
    event = last_event(engine)
    assert (event.checkpoint_id, event.champion_id) == (worse, champion)
    assert event.evidence["forced"]["reason"] == REASON and "f1 0.2 is below" in event.evidence["forced"]["instead_of"]
    with reading(engine) as session:
        assert get_alias(session, ALIAS) == worse


def test_it_stays_marked_in_list_and_lineage_after_another_took_its_place(engine: sa.Engine, project: Any) -> None:
    worse = project.candidate(1, f1=0.2)
    promote(engine, FOLDER, ALIAS, force=REASON)
    assert "FORCED" in text_of(engine, "aliases") and f"{ALIAS} (FORCED)" in text_of(engine, "checkpoints")
    project.candidate(2, f1=0.9)
    assert promote(engine, FOLDER, ALIAS).outcome == "promoted"
    assert "FORCED" not in text_of(engine, "aliases")
    assert f"promoted, FORCED  FORCED: checkpoint {worse}" in text_of(engine, "promotions")
    with reading(engine) as session:
        assert f"FORCED to {ALIAS}" in draw(lineage(session, worse)).splitlines()[0]


def test_what_the_rule_promotes_is_not_marked(engine: sa.Engine, project: Any) -> None:
    project.candidate(1, f1=0.95)
    decision = promote(engine, FOLDER, ALIAS, force=REASON)
    assert decision.outcome == "promoted" and "FORCED" not in decision.reason and "forced" not in decision.evidence


@pytest.mark.parametrize("reason", ["", "  "])
def test_it_needs_a_reason(engine: sa.Engine, project: Any, champion: str, reason: str) -> None:
    project.candidate(1, f1=0.2)
    with pytest.raises(UsageError, match="a forced promotion needs a reason"):
        promote(engine, FOLDER, ALIAS, force=reason)
    assert last_event(engine).checkpoint_id == champion


def test_it_needs_the_bytes_that_were_selected(engine: sa.Engine, project: Any, champion: str) -> None:
    project.candidate(1, f1=0.2)
    (project.root / FOLDER / "weights.safetensors").write_bytes(b"other bytes, 16!")
    with pytest.raises(StaleError, match="sha256"):
        promote(engine, FOLDER, ALIAS, force=REASON)
    assert last_event(engine).checkpoint_id == champion


def test_what_failed_its_gates_has_no_model_to_promote(engine: sa.Engine, project: Any) -> None:
    project.candidate(1, passed=False)
    with pytest.raises(UsageError, match="it failed its gates, so there is no model of it"):
        promote(engine, FOLDER, ALIAS, force=REASON)


def test_an_altered_mark_breaks_the_chain(engine: sa.Engine, project: Any, drop_triggers: Callable[[], None]) -> None:
    project.candidate(1, f1=0.2)
    promote(engine, FOLDER, ALIAS, force=REASON)
    event = last_event(engine)
    evidence = json.dumps({name: value for name, value in event.evidence.items() if name != "forced"})
    drop_triggers()
    with engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE promotions SET evidence = :evidence WHERE event_id = :id"),
            {"evidence": evidence, "id": event.event_id},
        )
    with reading(engine) as session, pytest.raises(StaleError, match="log of promotions is broken at event"):
        check_chain(session)
