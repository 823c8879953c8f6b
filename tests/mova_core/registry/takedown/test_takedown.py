"""A takedown holds everywhere: in the next data, in every promotion, in every clone, and for ever."""

import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mova_core.curation.tables import write_table
from mova_core.curation.takedowns import in_force, read_takedowns
from mova_core.errors import StaleError, UsageError
from mova_core.evaluation.promote import promote
from mova_core.evaluation.promotion.judge import Contest, judge
from mova_core.params import Params
from mova_core.registry.database.connection import reading, writing
from mova_core.registry.sync import sync
from mova_core.registry.takedown.inputs import taken_down_inputs
from mova_core.registry.takedown.takedown import list_takedowns, restore, take_down

A, B, SONG = "a" * 64, "b" * 64, "d" * 64


@pytest.fixture
def checkpoint(engine: sa.Engine, project: Any) -> str:
    """Of phase 1, started from an audio checkpoint; it passed its gates."""
    latents = {"nano-32": project.curate(audio_alone=True)}
    audio = project.train("audio", latents=latents)
    project.select(audio, project.evaluate(audio, "audio"), "audio")
    trained = project.train("phase1", start=audio, latents=latents)
    project.select(trained, project.evaluate(trained))
    sync(engine, project.root)
    return str(trained)


def told(project: Any) -> Path:
    return Path(project.root / "data/takedowns.json")


def inputs(engine: sa.Engine, checkpoint_id: str) -> list[tuple[str, str, str]]:
    with reading(engine) as session:
        return [(one.path, one.reason, one.run_id) for one in taken_down_inputs(session, checkpoint_id)]


def test_what_was_trained_on_it_is_named_and_not_promoted(engine: sa.Engine, project: Any, checkpoint: str) -> None:
    assert inputs(engine, checkpoint) == []
    done = take_down(engine, "a.mp4", "consent withdrawn", project.root)
    assert (done.source_id, done.new) == (A, (A,))
    assert checkpoint in done.summary()["text"]
    assert in_force(read_takedowns(told(project))) == {A: "consent withdrawn"}
    assert inputs(engine, checkpoint) == [(("a.mp4"), "consent withdrawn", run) for run in ("audio-0", "phase1-0")]
    with reading(engine) as session:
        decision = judge(session, Contest(checkpoint, "production", Params(), project.root))
    assert decision.outcome == "kept"
    assert "trained on a.mp4 (aaaaaaaaaaaa), which is taken down: consent withdrawn" in decision.reason


def test_nobody_forces_what_was_trained_on_it(engine: sa.Engine, project: Any, checkpoint: str) -> None:
    take_down(engine, A, "consent withdrawn", project.root)
    decision = promote(engine, checkpoint, "production", root=project.root, force="we need it")
    assert decision.outcome == "kept" and "is taken down: consent withdrawn" in decision.reason


def test_weights_that_it_was_trained_from_count(engine: sa.Engine, project: Any, checkpoint: str) -> None:
    take_down(engine, SONG, "no licence", project.root)
    assert inputs(engine, checkpoint) == [("d.mp3", "no licence", "audio-0")]


def test_undoing_is_another_event_and_nothing_is_forgotten(engine: sa.Engine, project: Any, checkpoint: str) -> None:
    take_down(engine, A, "by mistake", project.root)
    assert take_down(engine, A, "once more", project.root).new == ()
    restore(engine, A, "it was a mistake", project.root)
    assert inputs(engine, checkpoint) == []
    with reading(engine) as session:
        assert judge(session, Contest(checkpoint, "production", Params(), project.root)).outcome == "promoted"
    (events,) = list_takedowns(engine)["takedowns"].values()
    assert [(one["number"], one["action"], one["reason"]) for one in events] == [
        (1, "taken_down", "by mistake"),
        (2, "restored", "it was a mistake"),
    ]
    with pytest.raises(UsageError, match="is not taken down"):
        restore(engine, A, "again", project.root)


@pytest.mark.parametrize("change", ["UPDATE takedowns SET reason = ''", "DELETE FROM takedowns"])
def test_events_are_never_changed_or_removed(engine: sa.Engine, project: Any, checkpoint: str, change: str) -> None:
    take_down(engine, A, "consent withdrawn", project.root)
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), writing(engine) as session:
        session.execute(sa.text(change))


def test_copies_are_taken_down_with_it(engine: sa.Engine, project: Any, checkpoint: str) -> None:
    shared = {"source_id": B, "kept_source_id": A, "group_id": A, "is_copy": True, "frames": "same"}
    times = {"start_s": 1.0, "end_s": 5.0, "kept_start_s": 0.0}
    write_table(project.data.table("near_duplicates"), "near_duplicates", [shared | times])
    sync(engine, project.root)
    done = take_down(engine, A, "consent withdrawn", project.root)
    assert (done.shared, done.new) == ({B: 4.0}, (A, B))
    assert "taken down with it: b.mp4 (bbbbbbbbbbbb), 4 s" in done.summary()["text"]
    reasons = in_force(read_takedowns(told(project)))
    assert reasons[B] == "holds footage of a.mp4, which is taken down: consent withdrawn"


def test_a_takedown_reaches_a_registry_and_a_clone_that_do_not_know_of_it(
    engine: sa.Engine, project: Any, checkpoint: str
) -> None:
    take_down(engine, A, "consent withdrawn", project.root)
    restore(engine, A, "it was given again", project.root)
    take_down(engine, A, "and withdrawn", project.root)
    whole = told(project).read_bytes()
    told(project).write_text("{}\n")  # a clone whose git is behind
    assert "1 takedown" not in sync(engine, project.root)["text"].splitlines()[0]
    assert told(project).read_bytes() == whole
    event = json.loads(whole)[A][0]
    told(project).write_text(json.dumps({**json.loads(whole), B: [event | {"reason": "elsewhere"}]}))
    sync(engine, project.root)  # of another machine, by git
    assert list_takedowns(engine)["takedowns"][B][0]["reason"] == "elsewhere"


def test_what_cannot_be_told_is_refused(engine: sa.Engine, project: Any, checkpoint: str) -> None:
    unknown = project.train("phase1", seed=5, latents={"nano-32": "9" * 64})
    project.select(unknown, project.evaluate(unknown))
    sync(engine, project.root)
    assert inputs(engine, unknown) == []  # nothing is taken down
    take_down(engine, SONG, "no licence", project.root)
    with pytest.raises(StaleError, match=r"latents nano-32 999999999999, which run phase1-5 .* is not recorded"):
        inputs(engine, unknown)
    with reading(engine) as session:
        assert "is not recorded" in judge(session, Contest(unknown, "production", Params(), project.root)).reason


def test_a_file_that_nobody_has_seen_yet_is_taken_down_by_its_id(engine: sa.Engine, project: Any) -> None:
    assert take_down(engine, "9" * 64, "court order", project.root).new == ("9" * 64,)
    with pytest.raises(UsageError, match="need a reason"):
        take_down(engine, "8" * 64, " ", project.root)


@pytest.mark.parametrize(
    "text",
    ["[]", '{"a": []}', "{", json.dumps({A: [{"number": 2}]})],
)
def test_a_damaged_file_is_refused(engine: sa.Engine, project: Any, text: str) -> None:
    told(project).parent.mkdir(parents=True, exist_ok=True)
    told(project).write_text(text)
    with pytest.raises(StaleError, match=r"data/takedowns\.json cannot be read"):
        sync(engine, project.root)
