"""One bad item never harms the others, and results come in the order of the items."""

import os
import signal
import time
from typing import Any

import pytest

from mova_core.curation.engine import Engine, run
from mova_core.errors import MediaError, UsageError
from mova_core.params import Limits


def behave(item: str) -> Any:
    """Stands for work on a file of any temper."""
    match item:
        case "refuse":
            raise MediaError("no_audio", "it has no sound")
        case "bug":
            raise ZeroDivisionError("division by zero")
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "hang":
            time.sleep(600)
        case "hoard":
            return len(bytearray(3 * 2**30))
    return item.upper()


ITEMS = ["a", "refuse", "b", "die", "c", "hang", "d", "bug", "e", "hoard", "f"]
CODES = [
    None, "no_audio", None, "worker_died", None, "time_limit", None, "unexpected_error", None, "memory_limit", None
]  # fmt: skip


@pytest.fixture(scope="module")
def ray_cluster():
    import ray

    yield
    ray.shutdown()


@pytest.mark.parametrize("engine", [Engine("local", 1), Engine("local", 2)], ids=str)
def test_each_ending_is_an_outcome_in_its_place(engine):
    check(engine)


def test_ray_gives_the_same_outcomes(ray_cluster):
    check(Engine("ray", 2))


def check(engine: Engine) -> None:
    outcomes = list(run(behave, ITEMS, engine=engine, limits=Limits(seconds_per_file=4, memory_mb=1024)))
    assert [outcome.reason_code for outcome in outcomes] == CODES
    assert [outcome.value for outcome in outcomes if not outcome.failed] == list("ABCDEF")
    assert outcomes[1].reason == "it has no sound"


def test_many_items_keep_their_order():
    items = [str(number) for number in range(200)]
    outcomes = run(behave, items, engine=Engine("local", 2), limits=Limits())
    assert [outcome.value for outcome in outcomes] == items


def test_workers_come_from_the_environment_when_not_given(monkeypatch):
    monkeypatch.setenv("MOVA_WORKERS", "3")
    assert Engine.choose().workers == 3
    assert Engine.choose("ray", 1) == Engine("ray", 1)
    monkeypatch.setenv("MOVA_WORKERS", "many")
    with pytest.raises(UsageError, match="MOVA_WORKERS is 'many'"):
        Engine.choose()
    with pytest.raises(UsageError, match="expected local or ray"):
        Engine.choose("spark")
