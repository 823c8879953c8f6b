"""One bad item never harms the others, results come in the order of the items, and both engines say the same."""

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from mova_core.curation.engine.base import Engine
from mova_core.curation.engine.local import AHEAD_PER_WORKER
from mova_core.curation.engine.run import run
from mova_core.curation.engine.worker import ANSWER_MB, LimitedCall
from mova_core.curation.segment.stage import Source
from mova_core.errors import DiskFull, MediaError, UsageError
from mova_core.params import Limits, Resources, SegmentParams

LIMITS = Limits(seconds_per_file=2, memory_mb=1024)


class Clip(str):
    """An item that is not about time has enough of it, however loaded the machine is."""

    @property
    def duration_s(self) -> float:
        return 0.0 if self == "hang" else 600.0


def behave(item: str) -> Any:
    """Stands for work on a file of any temper."""
    match item:
        case "refuse":
            raise MediaError("no_audio", "it has no audio")
        case "bug":
            raise ZeroDivisionError("division by zero")
        case "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "hang":
            time.sleep(600)
        case "hoard":
            return len(bytearray(3 * 2**30))
        case "babble":
            return "x" * (ANSWER_MB * 2**20 + 1)
        case "full":
            raise DiskFull("/data has no room for a.tar (0 MiB free): make room there")
    return item.upper()


def crash_once(note: Path) -> str:
    if not note.exists():
        note.touch()
        os.kill(os.getpid(), signal.SIGSEGV)
    return "whole"


def own_pid(_: int) -> int:
    time.sleep(0.02)  # long beside the moment in which a worker holds the pool's lock
    return os.getpid()


ITEMS = ["a", "refuse", "b", "crash", "c", "hang", "d", "bug", "e", "hoard", "f", "babble", "g"]
REASONS = {
    "refuse": ("no_audio", "it has no audio"),
    "crash": ("worker_died", "its worker process died (exit code -11); tried twice"),
    "hang": (
        "time_limit",
        "took more than 2 s (params limits.seconds_per_file and seconds_per_minute, or seconds in section engine)",
    ),
    "bug": ("unexpected_error", "ZeroDivisionError: division by zero"),
    "hoard": (
        "memory_limit",
        "needed more than 1024 MiB (params limits.memory_mb, or memory_mb in section engine); tried twice",
    ),
    "babble": ("answer_too_large", "what was found in it has 16.0 MiB, expected 16 at most"),
}


@pytest.fixture(scope="module")
def ray_cluster():
    """A cluster started by the engine itself, on this machine alone."""
    import ray

    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("RAY_ADDRESS", raising=False)
        yield
        ray.shutdown()


LOCAL = [Engine("local", 1), Engine("local", 2)]
ON_RAY = Engine("ray", 2)


@pytest.fixture(params=[*LOCAL, ON_RAY], ids=lambda engine: f"{engine.name}-{engine.workers}")
def engine(request):
    if request.param.name == "ray":
        request.getfixturevalue("ray_cluster")
    return request.param


def test_each_ending_is_an_outcome_in_its_place_with_the_same_words(engine):
    results = list(run(behave, map(Clip, ITEMS), engine=engine, limits=LIMITS))
    expected = [REASONS.get(item, (None, None)) for item in ITEMS]
    assert [(result.reason_code, result.reason) for result in results] == expected
    assert [result.value for result in results if not result.failed] == list("ABCDEFG")


def test_what_crashed_once_is_tried_again_and_kept(engine, tmp_path):
    notes = [tmp_path / name for name in "ab"]
    results = run(crash_once, notes, engine=engine, limits=Limits())  # not about time
    assert [result.value for result in results] == ["whole", "whole"]


def test_a_full_disk_is_no_items_fault_and_stops_the_run(engine):
    results = run(behave, ["a", "full", "b"], engine=engine, limits=Limits())  # not about time
    assert next(results).value == "A"
    with pytest.raises(DiskFull, match="no room for a"):
        next(results)


def test_many_items_keep_their_order(engine):
    items = [str(number) for number in range(200)]
    results = run(behave, items, engine=engine, limits=Limits())
    assert [result.value for result in results] == items


@pytest.mark.parametrize("engine", LOCAL, ids=str)
def test_workers_killed_from_outside_are_replaced(engine):
    """Whether they are at work or have nothing to do at the moment; more items than one worker may have done before."""
    killed = set()
    for result in run(own_pid, range(1 + 3 * engine.workers * AHEAD_PER_WORKER), engine=engine, limits=Limits()):
        assert not result.failed, result.reason
        if result.value not in killed:
            time.sleep(0.01)  # it is at its next item, or there is none
            os.kill(result.value, signal.SIGKILL)
            killed.add(result.value)
    assert len(killed) > engine.workers


def test_workers_come_from_the_environment_when_not_given(monkeypatch):
    monkeypatch.setenv("MOVA_WORKERS", "3")
    assert Engine.choose().workers == 3
    assert Engine.choose("ray", 1) == Engine("ray", 1)
    monkeypatch.setenv("MOVA_WORKERS", "many")
    with pytest.raises(UsageError, match="MOVA_WORKERS is 'many'"):
        Engine.choose()
    with pytest.raises(UsageError, match="expected local or ray"):
        Engine.choose("spark")


def test_a_step_has_as_many_workers_as_fit_and_gpus_from_ray_alone():
    assert Engine("local", 8, fills=True).with_resources(Resources(cpu=3)).workers == 2
    assert Engine("local", 8).with_resources(Resources(cpu=3)).workers == 8
    with pytest.raises(UsageError, match=r"hold 0\.5 GPUs.*use --engine ray"):
        Engine("local", 8).with_resources(Resources(gpu=0.5))


def test_what_lasts_longer_may_take_longer():
    call = LimitedCall(behave, Limits(seconds_per_file=10, seconds_per_minute=30))
    film = Source("0" * 64, Path("film.mp4"), SegmentParams(), duration_s=7200.0)
    assert (call.seconds_for("a"), call.seconds_for(film)) == (10, 10 + 120 * 30)
