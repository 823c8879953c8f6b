"""What may go: never a run that a promoted model came from, or that one of these was trained from."""

import os
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from mova_core.evaluation.promote import promote
from mova_core.places import RESULT_CACHE
from mova_core.registry.aliases import set_alias
from mova_core.registry.database.connection import writing
from mova_core.registry.garbage.collect import find_garbage
from mova_core.registry.garbage.garbage import Garbage
from mova_core.registry.sync import sync
from mova_core.storage.code_version import stage_version
from mova_core.storage.result_cache import version_folder


@pytest.fixture
def found(project, engine: sa.Engine):
    """Function that records the project and gives what may go, by path."""

    def find() -> dict[str, Garbage]:
        sync(engine, project.root)
        return {each.place: each for each in find_garbage(project.root, engine)}

    return find


def put_aside(root: Path, phase: str, name: str) -> None:
    (root / "runs/kept").mkdir(exist_ok=True)
    (root / "runs" / phase).rename(root / "runs/kept" / name)


def test_an_earlier_run_may_go_unless_a_promoted_model_needs_it(project, engine, found):
    audio = project.train("audio", seed=1)
    put_aside(project.root, "audio", "audio-1")
    promoted = project.train("phase1", seed=2, start=audio)
    put_aside(project.root, "phase1", "phase1-2")
    project.train("phase1", seed=3)
    put_aside(project.root, "phase1", "phase1-3")
    project.train("phase1", seed=4)
    assert set(found()) == {"runs/kept/audio-1", "runs/kept/phase1-2", "runs/kept/phase1-3"}

    with writing(engine) as session:
        set_alias(session, "production", promoted, None)
    assert set(found()) == {"runs/kept/phase1-3"}
    [run] = found().values()
    assert run.bytes == sum(path.stat().st_size for path in (project.root / run.place).rglob("*.json"))


def test_what_an_alias_named_before_is_needed_to_go_back(project, engine, found, monkeypatch):
    monkeypatch.chdir(project.root)
    first = project.candidate(seed=1)
    promote(engine, "models/phase1", "production")
    put_aside(project.root, "phase1", "phase1-1")
    assert project.candidate(seed=2, f1=0.99) != first
    assert promote(engine, "models/phase1", "production").outcome == "promoted"
    assert found() == {}


def test_results_of_other_code_and_old_leavings_may_go_and_nothing_else(project, found):
    root = project.root
    present = root / RESULT_CACHE / "segment" / version_folder(stage_version("segment")) / "ab/abc.json"
    other = root / RESULT_CACHE / "segment/0123456789abcdef/ab/abc.json"
    old, young = root / "models/.tmp-old/weights", root / "runs/.tmp-young"
    of_the_user = root / "data/footage/.tmp-mine"
    for path in (present, other, old, young, of_the_user):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("1")
    for path in (old, old.parent, of_the_user):
        os.utime(path, (time.time() - 7200,) * 2)
    assert set(found()) == {".mova/result_cache/segment/0123456789abcdef", "models/.tmp-old"}

    for each in found().values():
        each.remove()
    assert found() == {}
    assert present.exists() and young.exists() and of_the_user.exists()
