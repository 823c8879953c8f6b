"""The queue: one worker a job, in order, taken up again past the lease, and deaf to workers that lost it."""

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa

from mova_core.registry.database.connection import open_database
from mova_core.registry.database.tables import Job
from services.jobs import queue, submission, view
from services.jobs.inputs import JobInputs
from services.jobs.removal import JobRemoval
from services.jobs.submission import NewJob
from services.settings import ServiceSettings

HOLDS_S, OVER_S = 60.0, -1.0  # a lease that holds, one that is over at once


@pytest.fixture
def engine(registry_url: str) -> Iterator[sa.Engine]:
    engine = open_database(registry_url)
    yield engine
    engine.dispose()


@pytest.fixture
def removal(engine: sa.Engine, inputs: JobInputs, settings: ServiceSettings) -> JobRemoval:
    return JobRemoval(engine, inputs, settings)


def submit(engine: sa.Engine, count: int) -> list[str]:
    return [submission.submit(engine, NewJob({"number": number}), limit=100)[0].job_id for number in range(count)]


def test_jobs_are_claimed_in_order_and_once(engine: sa.Engine) -> None:
    ids = submit(engine, 3)
    claimed = [queue.claim(engine, "one", HOLDS_S) for _ in range(4)]
    assert [job and job.job_id for job in claimed] == [*ids, None]


def test_many_workers_never_share_a_job(engine: sa.Engine) -> None:
    ids = submit(engine, 12)
    claimed: list[str] = []

    def work(name: str) -> None:
        while (job := queue.claim(engine, name, HOLDS_S)) is not None:
            claimed.append(job.job_id)

    threads = [threading.Thread(target=work, args=(f"worker {number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claimed) == sorted(ids)


def test_a_dead_worker_s_job_is_claimed_again_and_the_dead_one_changes_nothing(engine: sa.Engine) -> None:
    (job_id,) = submit(engine, 1)
    assert queue.claim(engine, "dead", OVER_S) is not None
    again = queue.claim(engine, "alive", HOLDS_S)
    assert again is not None and again.job_id == job_id
    assert not queue.renew(engine, job_id, "dead", HOLDS_S)
    assert not queue.complete(engine, job_id, "dead", result_path="x", result_sha256="y")
    assert not queue.fail(engine, job_id, "dead", "not_finite", "too late")
    assert queue.complete(engine, job_id, "alive", result_path="a", result_sha256="b")
    job = view.find(engine, job_id)
    assert job is not None and (job.status, job.progress, job.result_path) == ("completed", 100, "a")


def test_a_renewed_lease_holds(engine: sa.Engine) -> None:
    (job_id,) = submit(engine, 1)
    queue.claim(engine, "one", OVER_S)
    assert queue.renew(engine, job_id, "one", HOLDS_S, progress=40)
    assert queue.claim(engine, "two", HOLDS_S) is None
    job = view.find(engine, job_id)
    assert job is not None and job.progress == 40


def test_a_released_job_waits_again(engine: sa.Engine) -> None:
    (job_id,) = submit(engine, 1)
    queue.claim(engine, "one", HOLDS_S)
    assert queue.release(engine, job_id, "one")
    again = queue.claim(engine, "two", HOLDS_S)
    assert again is not None and again.job_id == job_id


CLAIM_AND_DIE = """
import os, signal, sys
from mova_core.registry.database.connection import open_database
from mova_core.registry.database.tables import Job
from services.jobs import queue

assert queue.claim(open_database(sys.argv[1]), f"worker {os.getpid()}", lease_s=-1.0) is not None
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_job_that_kills_its_workers_fails_and_the_queue_goes_on(
    engine: sa.Engine, registry_url: str, row: Callable[[str], Job]
) -> None:
    deadly, harmless = submit(engine, 2)
    for _ in range(queue.MAX_ATTEMPTS):
        assert subprocess.run([sys.executable, "-c", CLAIM_AND_DIE, registry_url]).returncode == -signal.SIGKILL
    next_one = queue.claim(engine, "alive", HOLDS_S)
    assert next_one is not None and next_one.job_id == harmless
    job = row(deadly)
    assert (job.status, job.attempts) == ("failed", queue.MAX_ATTEMPTS)
    assert job.error_code == "worker_killed" and "3 workers were killed while they made this clip" in str(job.error)


def test_a_service_that_is_ended_again_and_again_never_fails_a_job(engine: sa.Engine) -> None:
    (job_id,) = submit(engine, 1)
    for _ in range(2 * queue.MAX_ATTEMPTS):
        job = queue.claim(engine, "one", HOLDS_S)
        assert job is not None and job.attempts == 1
        assert queue.release(engine, job_id, "one")


def test_cancelling_ends_what_waits_or_runs_and_leaves_it_to_be_seen(engine: sa.Engine) -> None:
    waits, runs, finished = submit(engine, 3)
    for name in ("a", "b", "c"):
        queue.claim(engine, name, HOLDS_S)
    queue.release(engine, waits, "a")
    queue.fail(engine, finished, "c", "not_finite", "no")
    assert [queue.cancel(engine, job_id) for job_id in (waits, runs, finished, "none")] == [True, True, False, False]
    found = [view.find(engine, job_id) for job_id in (waits, runs, finished)]
    assert [job and job.status for job in found] == ["cancelled", "cancelled", "failed"]
    assert not queue.renew(engine, runs, "b", HOLDS_S)
    assert queue.claim(engine, "d", HOLDS_S) is None


def test_a_job_that_is_removed_while_it_runs_is_its_worker_s_no_more(engine: sa.Engine, removal: JobRemoval) -> None:
    (job_id,) = submit(engine, 1)
    queue.claim(engine, "a", HOLDS_S)
    assert removal.remove(job_id) and not removal.remove(job_id)
    assert view.find(engine, job_id) is None and not queue.renew(engine, job_id, "a", HOLDS_S)
