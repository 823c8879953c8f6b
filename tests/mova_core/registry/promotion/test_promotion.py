"""A candidate must pass its gates and not be worse than the champion; every decision is kept, and cannot be changed."""

import threading
from typing import Any

import pytest
import sqlalchemy as sa

from mova_core.errors import StaleError, UsageError
from mova_core.evaluation.promote import promote
from mova_core.registry.aliases import get_alias, set_alias
from mova_core.registry.database.connection import reading, writing
from mova_core.registry.database.tables import Promotion
from mova_core.registry.promotion.log import FIRST_PREVIOUS, append_promotion, check_chain
from mova_core.registry.promotion.promotion import carry_out, compare, judge
from mova_core.registry.sync import sync

FOLDER = "models/phase1"


@pytest.fixture(autouse=True)
def in_project(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.root)


def offer(engine: sa.Engine, project: Any, seed: int, alias: str = "production", **candidate: Any) -> Any:
    """Train a candidate and try to promote it."""
    project.candidate(seed, **candidate)
    return promote(engine, FOLDER, alias)


def holder(engine: sa.Engine, alias: str = "production") -> str | None:
    with reading(engine) as session:
        return get_alias(session, alias)


def events(engine: sa.Engine) -> list[Promotion]:
    with reading(engine) as session:
        return list(session.scalars(sa.select(Promotion).order_by(Promotion.event_id)))


def test_the_first_that_passes_its_gates_wins(engine: sa.Engine, project: Any) -> None:
    decision = offer(engine, project, 0)
    assert decision.outcome == "promoted" and holder(engine) == decision.candidate_id
    assert "no champion before" in decision.reason


def test_the_first_that_fails_its_gates_does_not(engine: sa.Engine, project: Any) -> None:
    decision = offer(engine, project, 0, passed=False)
    assert decision.outcome == "kept" and holder(engine) is None
    assert "f1 0.1 (limit 0.55)" in decision.reason
    assert [event.outcome for event in events(engine)] == ["kept"]


@pytest.mark.parametrize(("f1", "outcome"), [(0.9, "promoted"), (0.76, "promoted"), (0.74, "kept"), (None, "kept")])
def test_a_candidate_may_be_as_low_as_the_champions_interval(
    engine: sa.Engine, project: Any, f1: float | None, outcome: str
) -> None:
    champion = offer(engine, project, 0, f1=0.8).candidate_id  # interval .75 to .85
    decision = offer(engine, project, 1, f1=f1)
    assert (decision.outcome, decision.champion_id) == (outcome, champion)
    assert holder(engine) == (decision.candidate_id if outcome == "promoted" else champion)
    (last,) = events(engine)[1:]
    assert last.champion_id == champion and last.outcome == outcome
    f1_row = next(row for row in last.evidence["metrics"] if row["metric"] == "f1")
    assert (f1_row["candidate"], f1_row["champion"], f1_row["bound"]) == (f1, 0.8, 0.75)
    assert last.evidence["candidate"]["checkpoint_id"] == decision.candidate_id


def test_lower_is_better_where_the_metric_says_so() -> None:
    held = {"offset_s": {"value": 0.05, "low": 0.04, "high": 0.06, "better": "lower"}}
    for value, verdict in ((0.01, "not worse"), (0.06, "not worse"), (0.061, "worse")):
        (one,) = compare({"offset_s": held["offset_s"] | {"value": value}}, held, {"offset_s"})
        assert one.verdict == verdict


def test_what_the_champion_never_measured_is_not_compared() -> None:
    known = {"value": 0.5, "low": 0.4, "high": 0.6, "better": "higher"}
    unknown = known | {"value": None, "low": None, "high": None}
    compared = compare({"a": known, "b": known}, {"a": unknown, "c": known}, {"a", "b", "c"})
    verdicts = {one.metric: one.verdict for one in compared}
    assert verdicts == {"a": "not compared", "b": "not compared", "c": "worse"}


def test_a_champion_without_an_interval_is_compared_by_its_value() -> None:
    held = {"value": 0.5, "low": None, "high": None, "better": "higher"}
    verdicts = [compare({"a": held | {"value": value}}, {"a": held}, {"a"})[0].verdict for value in (0.5, 0.49)]
    assert verdicts == ["not worse", "worse"]


def test_what_no_gate_judges_informs_and_never_decides(engine: sa.Engine, project: Any) -> None:
    offer(engine, project, 0, offset_s=0.05)  # interval .04 to .06; f1 is the only gate
    decision = offer(engine, project, 1, offset_s=0.9)
    assert decision.outcome == "promoted"
    row = next(row for row in events(engine)[-1].evidence["metrics"] if row["metric"] == "offset_s")
    assert (row["candidate"], row["champion"], row["verdict"]) == (0.9, 0.05, "not compared")
    assert "offset_s" in decision.summary()["text"]


def test_a_champion_without_a_judged_metric_is_refused(engine: sa.Engine, project: Any) -> None:
    offer(engine, project, 0)
    project.evaluate(champion := project.train(seed=1), f1=None)
    sync(engine, project.root)
    with writing(engine) as session:
        set_alias(session, "unmeasured", champion, None)
    decision = offer(engine, project, 2, alias="unmeasured")
    assert decision.outcome == "kept" and holder(engine, "unmeasured") == champion
    assert f"no metric that its gates judge (f1) was measured for champion {champion} too" in decision.reason
    assert events(engine)[-1].reason == decision.reason


def test_a_champion_of_other_seeds_that_cannot_be_evaluated_stays_and_the_refusal_is_stored(
    engine: sa.Engine, project: Any
) -> None:
    champion = offer(engine, project, 0, seeds=64).candidate_id
    decision = offer(engine, project, 1, seeds=32)  # no params.yaml here to evaluate by
    assert decision.outcome == "kept" and holder(engine) == champion
    for said in ("only the same suite and seeds compare", "could not be evaluated on the candidate's", "params.yaml"):
        assert said in decision.reason
    assert [(event.outcome, event.reason) for event in events(engine)[1:]] == [("kept", decision.reason)]


def test_a_champion_evaluated_again_on_the_new_suite_compares(engine: sa.Engine, project: Any) -> None:
    champion = offer(engine, project, 0, seeds=64).candidate_id
    project.evaluate(champion, seeds=32, f1=0.6)
    sync(engine, project.root)
    assert offer(engine, project, 1, seeds=32, f1=0.58).outcome == "promoted"


def test_opposite_directions_are_refused() -> None:
    metric = {"value": 0.5, "low": 0.4, "high": 0.6, "better": "higher"}
    with pytest.raises(UsageError, match="better is lower here, higher for the champion"):
        compare({"a": metric | {"better": "lower"}}, {"a": metric}, {"a"})


def test_a_second_promotion_of_the_same_changes_nothing(engine: sa.Engine, project: Any) -> None:
    offer(engine, project, 0)
    assert promote(engine, FOLDER, "production").outcome == "unchanged"
    assert len(events(engine)) == 1


def test_an_alias_of_a_phase_takes_that_phase(engine: sa.Engine, project: Any) -> None:
    offer(engine, project, 0, alias="phase1/champion")
    with pytest.raises(UsageError, match="is of phase phase1, alias phase2/champion takes phase2"):
        promote(engine, FOLDER, "phase2/champion")
    assert promote(engine, "phase1/champion", "production").outcome == "promoted"  # an alias names a candidate too


def test_a_candidate_that_was_never_selected_is_refused(engine: sa.Engine, project: Any) -> None:
    checkpoint_id = project.train()
    sync(engine, project.root)
    with pytest.raises(UsageError, match="run `mova select phase1`"):
        promote(engine, checkpoint_id, "production")


def test_a_selection_without_its_evaluation_is_refused(engine: sa.Engine, project: Any) -> None:
    project.select(project.train(), "7" * 64)
    sync(engine, project.root)
    with pytest.raises(StaleError, match="selected by evaluation 7777777777777777"):
        promote(engine, FOLDER, "production")


@pytest.mark.parametrize("candidate", ["models/none", "0" * 16, "staging", "../outside"])
def test_an_unknown_candidate_is_refused(engine: sa.Engine, candidate: str) -> None:
    with pytest.raises(UsageError):
        promote(engine, candidate, "production")


def test_an_alias_that_moved_since_the_judgement_stays(engine: sa.Engine, project: Any) -> None:
    offer(engine, project, 0)
    faster = offer(engine, project, 2, alias="staging").candidate_id
    project.candidate(1)
    sync(engine, project.root)
    with reading(engine) as session:
        decision = judge(session, FOLDER, "production")
    promote(engine, "staging", "production")
    before = len(events(engine))
    with pytest.raises(StaleError, match="somebody moved it meanwhile"):
        carry_out(engine, decision)
    assert holder(engine) == faster and len(events(engine)) == before


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE promotions SET outcome = 'kept'",
        "DELETE FROM promotions",
        "DELETE FROM promotions WHERE event_id = 1",
    ],
)
def test_events_are_never_changed(engine: sa.Engine, project: Any, statement: str) -> None:
    offer(engine, project, 0)
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), engine.begin() as connection:
        connection.exec_driver_sql(statement)
    assert [event.outcome for event in events(engine)] == ["promoted"]


def test_events_are_never_replaced_or_emptied(engine: sa.Engine, project: Any) -> None:
    offer(engine, project, 0)
    statement = "INSERT OR REPLACE INTO promotions SELECT * FROM promotions"
    if engine.dialect.name == "postgresql":
        statement = "TRUNCATE promotions"
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), engine.begin() as connection:
        connection.exec_driver_sql(statement)


def test_each_event_holds_the_hash_of_the_one_before(engine: sa.Engine, project: Any) -> None:
    for seed, f1 in enumerate((0.8, 0.9, 0.3)):
        offer(engine, project, seed, f1=f1)
    log = events(engine)
    assert [event.outcome for event in log] == ["promoted", "promoted", "kept"]
    assert [event.previous_hash for event in log] == [FIRST_PREVIOUS, *(event.hash for event in log[:-1])]
    with reading(engine) as session:
        assert check_chain(session) == log[-1].hash


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE promotions SET reason = 'because' WHERE event_id = 1",
        "UPDATE promotions SET created_at = created_at + 1 WHERE event_id = 2",
        "DELETE FROM promotions WHERE event_id = 1",
    ],
)
def test_a_change_past_the_triggers_is_found(engine: sa.Engine, project: Any, statement: str) -> None:
    for seed in range(2):
        offer(engine, project, seed)
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("ALTER TABLE promotions DISABLE TRIGGER ALL")
        else:
            for event in ("update", "delete", "replace"):
                connection.exec_driver_sql(f"DROP TRIGGER promotions_no_{event}")
        connection.exec_driver_sql(statement)
    with reading(engine) as session, pytest.raises(StaleError, match="log of promotions is broken at event"):
        check_chain(session)
    with pytest.raises(StaleError, match="broken"):
        offer(engine, project, 2)


def test_events_written_at_once_make_one_chain(engine: sa.Engine, project: Any) -> None:
    checkpoint_id = project.candidate(0)
    sync(engine, project.root)
    values = {"outcome": "kept", "checkpoint_id": checkpoint_id, "champion_id": None, "reason": "", "evidence": {}}

    def append(alias: str) -> None:
        for _ in range(3):
            with writing(engine) as session:
                append_promotion(session, values | {"alias": alias})

    threads = [threading.Thread(target=append, args=(f"alias{n}",)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(events(engine)) == 9
    with reading(engine) as session:
        check_chain(session)


def test_a_champion_set_by_hand_is_compared_like_any(engine: sa.Engine, project: Any) -> None:
    champion = project.candidate(0, f1=0.9)
    sync(engine, project.root)
    with writing(engine) as session:
        set_alias(session, "production", champion, None)
    assert offer(engine, project, 1, f1=0.5).outcome == "kept"
