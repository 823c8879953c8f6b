"""A work loop outlasts a registry that does not answer, and ends when it is told to."""

import logging
import threading

import pytest
import sqlalchemy as sa

from mova_core.registry.database.outage import DatabaseGone
from services import work_loop
from services.work_loop import WorkLoop


@pytest.mark.parametrize("error", [DatabaseGone("gone"), sa.exc.OperationalError("SELECT 1", {}, OSError("gone"))])
def test_the_next_piece_of_work_comes_once_the_registry_answers_again(
    error: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(work_loop, "NO_ANSWER_PAUSE_S", 0)
    failures, done = [error], threading.Event()

    def work() -> bool:
        if failures:
            raise failures.pop()
        done.set()
        return False

    loop = WorkLoop("loop", work, 60.0, logging.getLogger("mova.loop"))
    loop.start()
    assert done.wait(30) and loop.is_alive
    loop.stop()
    assert not loop.is_alive and "the registry does not answer" in caplog.text


def test_one_that_was_never_started_can_be_stopped() -> None:
    loop = WorkLoop("loop", lambda: pytest.fail("it was not started"), 60.0, logging.getLogger("mova.loop"))
    loop.stop()
    assert not loop.is_alive
