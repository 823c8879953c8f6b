"""A candidate must pass its gates and not be worse than the champion; every decision is kept, and cannot be changed."""

import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mova_core.errors import StaleError, UsageError
from mova_core.evaluation.promote import promote
from mova_core.evaluation.promotion.judge import Contest, judge
from mova_core.params import load_params
from mova_core.registry.aliases import get_alias, set_alias
from mova_core.registry.database.connection import reading, writing
from mova_core.registry.database.tables import Promotion
from mova_core.registry.promotion.log import FIRST_PREVIOUS, append_promotion, check_chain
from mova_core.registry.promotion.promotion import carry_out
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


def shares(hits: int) -> list[tuple[float, float]]:
    """What each of 64 clips adds to a share of which the first `hits` have what is asked."""
    return [(float(n < hits), 1.0) for n in range(64)]


def compared(event: Promotion, metric: str) -> Any:
    return next(row for row in event.evidence["metrics"] if row["metric"] == metric)


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


@pytest.mark.parametrize(
    ("hits", "outcome", "verdict"), [(64, "promoted", "better"), (48, "promoted", "not worse"), (40, "kept", "worse")]
)
def test_a_candidate_may_not_be_worse_than_the_champion_on_the_same_clips(
    engine: sa.Engine, project: Any, hits: int, outcome: str, verdict: str
) -> None:
    champion = offer(engine, project, 0, judged=["event_f1"], clips={"event_f1": shares(48)}).candidate_id
    decision = offer(engine, project, 1, judged=["event_f1"], clips={"event_f1": shares(hits)})
    assert (decision.outcome, decision.champion_id) == (outcome, champion)
    assert holder(engine) == (decision.candidate_id if outcome == "promoted" else champion)
    (last,) = events(engine)[1:]
    row = compared(last, "event_f1")
    assert (row["verdict"], row["method"], row["pairs"]) == (verdict, "paired", 64)
    assert (row["candidate"], row["champion"], row["difference"]) == (hits / 64, 0.75, hits / 64 - 0.75)
    assert last.evidence["candidate"]["checkpoint_id"] == decision.candidate_id
    assert last.evidence["rule"] == {"judged": ["event_f1"], "improve_by": {}, "bootstrap_samples": 1000, "seed": 90000}


def test_lower_is_better_where_the_metric_says_so(engine: sa.Engine, project: Any) -> None:
    slow, fast = [(0.2, 1.0)] * 64, [(0.1, 1.0)] * 64
    common: Any = {"judged": ["desync_s"]}
    offer(engine, project, 0, **common, clips={"desync_s": slow})
    assert offer(engine, project, 1, **common, clips={"desync_s": fast}).outcome == "promoted"
    decision = offer(engine, project, 2, **common, clips={"desync_s": slow})
    assert decision.outcome == "kept" and "desync_s 0.2 is above the champion's 0.1" in decision.reason


@pytest.mark.parametrize(("f1", "outcome"), [(0.9, "promoted"), (0.74, "promoted"), (0.72, "kept"), (None, "kept")])
def test_a_metric_that_is_not_of_clips_is_compared_by_both_intervals(
    engine: sa.Engine, project: Any, f1: float | None, outcome: str
) -> None:
    offer(engine, project, 0, f1=0.8)  # half an interval is .05 of each, and .0707 of the difference
    assert offer(engine, project, 1, f1=f1).outcome == outcome


def test_a_required_metric_that_either_lacks_keeps_the_champion(engine: sa.Engine, project: Any) -> None:
    champion = offer(engine, project, 0).candidate_id
    decision = offer(engine, project, 1, f1=None)
    assert "f1 is unavailable for the candidate: no weights" in decision.reason
    project.evaluate(other := project.train(seed=2), f1=None)
    sync(engine, project.root)
    with writing(engine) as session:
        set_alias(session, "unmeasured", other, None)
    decision = offer(engine, project, 3, alias="unmeasured")
    assert decision.outcome == "kept" and holder(engine, "unmeasured") == other and holder(engine) == champion
    assert events(engine)[-1].reason == decision.reason


def test_what_no_gate_judges_informs_and_never_decides(engine: sa.Engine, project: Any) -> None:
    offer(engine, project, 0, offset_s=0.05)  # f1 is the only gate
    decision = offer(engine, project, 1, offset_s=0.9)
    assert decision.outcome == "promoted"
    row = compared(events(engine)[-1], "offset_s")
    assert (row["candidate"], row["champion"], row["verdict"]) == (0.9, 0.05, "not compared")
    assert "offset_s" in decision.summary()["text"]


@pytest.mark.parametrize(("least", "outcome"), [(0.1, "promoted"), (0.3, "kept")])
def test_where_an_improvement_is_asked_for_not_being_worse_is_not_enough(
    engine: sa.Engine, project: Any, least: float, outcome: str
) -> None:
    common: Any = {"judged": ["event_f1"]}
    offer(engine, project, 0, **common, clips={"event_f1": shares(48)})
    project.write("params.yaml", {"promote": {"smoke_clip": False, "improve_by": {"event_f1": least}}})
    decision = offer(engine, project, 1, **common, clips={"event_f1": shares(48)})
    assert decision.outcome == "kept" and f"asks for (event_f1 by {least:g})" in decision.reason
    assert offer(engine, project, 2, **common, clips={"event_f1": shares(60)}).outcome == outcome


def test_an_improvement_of_no_metric_is_refused(engine: sa.Engine, project: Any) -> None:
    project.write("params.yaml", {"promote": {"improve_by": {"loudness": 1.0}}})
    with pytest.raises(UsageError, match=r"improve_by names loudness, expected a metric of docs/metrics\.md"):
        offer(engine, project, 0)


def test_a_champion_measured_by_another_version_of_a_metric_is_not_compared(engine: sa.Engine, project: Any) -> None:
    champion = offer(engine, project, 0).candidate_id
    decision = offer(engine, project, 1, version=2)  # nothing here to measure the champion by
    assert decision.outcome == "kept" and holder(engine) == champion
    assert "other versions of metrics (f1 2 of the candidate, 1 of the champion)" in decision.reason
    assert "could not be evaluated on the candidate's" in decision.reason


def test_altered_values_of_clips_are_not_compared(engine: sa.Engine, project: Any) -> None:
    offer(engine, project, 0)
    project.candidate(1)
    for path in project.root.glob("*/**/clips.jsonl"):
        path.write_text(path.read_text().replace("00", "07"))
    with pytest.raises(StaleError, match=r"clips\.jsonl has sha256|is not on this machine"):
        promote(engine, FOLDER, "production")


def test_a_champion_of_other_seeds_that_cannot_be_evaluated_stays_and_the_refusal_is_stored(
    engine: sa.Engine, project: Any
) -> None:
    champion = offer(engine, project, 0, seeds=64).candidate_id
    decision = offer(engine, project, 1, seeds=32)  # its model is no weights
    assert decision.outcome == "kept" and holder(engine) == champion
    for said in ("only the same suite and seeds compare", "could not be evaluated on the candidate's"):
        assert said in decision.reason
    assert [(event.outcome, event.reason) for event in events(engine)[1:]] == [("kept", decision.reason)]


def test_a_champion_evaluated_again_on_the_new_suite_compares(engine: sa.Engine, project: Any) -> None:
    champion = offer(engine, project, 0, seeds=64).candidate_id
    project.evaluate(champion, seeds=32, f1=0.6)
    shutil.copytree("reports/evaluation/phase1", f"reports/champions/{champion}")
    sync(engine, project.root)
    assert offer(engine, project, 1, seeds=32, f1=0.58).outcome == "promoted"


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
        decision = judge(session, Contest(FOLDER, "production", load_params(Path("params.yaml"))))
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
def test_a_change_past_the_triggers_is_found(
    engine: sa.Engine, project: Any, drop_triggers: Callable[[], None], statement: str
) -> None:
    for seed in range(2):
        offer(engine, project, seed)
    drop_triggers()
    with engine.begin() as connection:
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


def test_a_champion_set_by_hand_whose_evaluation_is_gone_stays(engine: sa.Engine, project: Any) -> None:
    champion = project.candidate(0, f1=0.5)
    sync(engine, project.root)
    with writing(engine) as session:
        set_alias(session, "production", champion, None)
    decision = offer(engine, project, 1, f1=0.9)
    assert decision.outcome == "kept" and f"champion {champion} measured is not on this machine" in decision.reason
