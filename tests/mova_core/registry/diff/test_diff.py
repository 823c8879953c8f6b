"""What two checkpoints differ in is told, and nothing else is."""

from typing import Any

import pytest
import sqlalchemy as sa

from mova_core.errors import UsageError
from mova_core.registry.database.connection import reading
from mova_core.registry.diff.diff import Diff, diff
from mova_core.registry.sync import sync


@pytest.fixture
def compared(engine: sa.Engine, project: Any):
    """Function that records the project and compares two checkpoints."""

    def compare(a: str, b: str) -> Diff:
        sync(engine, project.root)
        with reading(engine) as session:
            return diff(session, a, b, project.root)

    return compare


def verdicts(found: Diff) -> dict[str, str]:
    return {pair.metric: pair.verdict for pair in found.metrics.pairs}


def line_with(found: Diff, word: str) -> str:
    return next(line for line in found.summary()["text"].splitlines() if word in line)


def test_params_data_and_metrics_of_two_trainings(project: Any, compared: Any) -> None:
    first = project.candidate(0, f1=0.5)
    compared(first, first)
    index = project.curate()
    second = project.train(seed=1, latents={"nano-32": index})
    project.evaluate(second, f1=0.9, offset_s=0.05)
    found = compared(first, second[:8])
    assert [(one.name, one.a, one.b) for one in found.params] == [("phase1.seed", 0, 1)]
    assert [(one.phase, one.same) for one in found.code] == [("phase1", True)]
    assert verdicts(found) == {"f1": "b is better", "offset_s": "no clear difference"}
    data = {one.name: one for one in found.data}
    assert data["sources"].a == () and data["sources"].b[0].rows == 2 and not data["sources"].same
    assert data["latents/nano-32"].b[0].sha256 == index
    assert "(4 rows)" in line_with(found, "  clips ")
    assert "0.9 [0.85, 0.95]" in line_with(found, "f1") and "higher" in line_with(found, "f1")
    assert "phase1.seed" in line_with(found, "seed") and "code: no difference" in found.summary()["text"]


def test_the_direction_of_a_metric_decides_which_is_better(project: Any, compared: Any) -> None:
    slow = project.candidate(0, offset_s=0.9)
    compared(slow, slow)
    fast = project.candidate(1, offset_s=0.1)
    assert verdicts(compared(slow, fast))["offset_s"] == "b is better"
    assert verdicts(compared(fast, slow))["offset_s"] == "a is better"


def test_other_seeds_and_what_is_unavailable_do_not_compare(project: Any, compared: Any) -> None:
    first = project.candidate(0, seeds=64, f1=0.1)
    compared(first, first)
    second = project.candidate(1, seeds=32, f1=0.9)
    found = compared(first, second)
    assert set(verdicts(found).values()) == {"not compared"} and not found.metrics.same_suite
    assert "do not compare" in found.summary()["text"]
    third = project.candidate(2, seeds=32, f1=None)
    found = compared(second, third)
    assert verdicts(found)["f1"] == "not compared" and "unavailable" in line_with(found, "f1")
    found = compared(third, third)
    assert not any("f1" in line for line in found.summary()["text"].splitlines())
    assert "1 more are unavailable for both" in found.summary()["text"]


def test_the_runs_before_count_too(project: Any, compared: Any) -> None:
    ids = []
    for seed in (1, 2):
        ids.append(project.train("phase1", seed=seed + 4, start=project.train("audio", seed=seed)))
        found = compared(ids[0], ids[-1])
    assert [(one.name, one.a, one.b) for one in found.params] == [("audio.seed", 1, 2), ("phase1.seed", 5, 6)]
    assert [one.phase for one in found.code] == ["audio", "phase1"]


def test_the_same_checkpoint_has_no_difference_and_an_unknown_one_is_refused(project: Any, compared: Any) -> None:
    only = project.candidate(0)
    found = compared(only, "models/phase1")
    assert found.params == [] and all(one.same for one in (*found.code, *found.data))
    assert set(verdicts(found).values()) == {"no clear difference"}
    with pytest.raises(UsageError, match="'staging' is no alias"):
        compared(only, "staging")
