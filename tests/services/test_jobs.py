"""The queue: one worker a job, in order, taken up again past the lease, and deaf to workers that lost it."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from mova_core.registry.database.connection import open_database
from services import jobs

HOLDS_S, OVER_S = 60.0, -1.0  # a lease that holds, one that is over at once


@pytest.fixture
def queue(registry_url: str) -> Iterator[sa.Engine]:
    engine = open_database(registry_url)
    yield engine
    engine.dispose()


def submit(queue: sa.Engine, count: int) -> list[str]:
    return [jobs.submit(queue, {"number": number}, limit=100).job_id for number in range(count)]


def test_jobs_are_claimed_in_order_and_once(queue: sa.Engine) -> None:
    ids = submit(queue, 3)
    claimed = [jobs.claim(queue, "one", HOLDS_S) for _ in range(4)]
    assert [job and job.job_id for job in claimed] == [*ids, None]


def test_many_workers_never_share_a_job(queue: sa.Engine) -> None:
    ids = submit(queue, 12)
    claimed: list[str] = []

    def work(name: str) -> None:
        while (job := jobs.claim(queue, name, HOLDS_S)) is not None:
            claimed.append(job.job_id)

    threads = [threading.Thread(target=work, args=(f"worker {number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claimed) == sorted(ids)


def test_a_dead_worker_s_job_is_claimed_again_and_the_dead_one_changes_nothing(queue: sa.Engine) -> None:
    (job_id,) = submit(queue, 1)
    assert jobs.claim(queue, "dead", OVER_S) is not None
    again = jobs.claim(queue, "alive", HOLDS_S)
    assert again is not None and again.job_id == job_id
    assert not jobs.renew(queue, job_id, "dead", HOLDS_S)
    assert not jobs.complete(queue, job_id, "dead", result_path="x", result_sha256="y")
    assert not jobs.fail(queue, job_id, "dead", "too late")
    assert jobs.complete(queue, job_id, "alive", result_path="a", result_sha256="b")
    job = jobs.find(queue, job_id)
    assert job is not None and (job.status, job.progress, job.result_path) == ("completed", 100, "a")


def test_a_renewed_lease_holds(queue: sa.Engine) -> None:
    (job_id,) = submit(queue, 1)
    jobs.claim(queue, "one", OVER_S)
    assert jobs.renew(queue, job_id, "one", HOLDS_S, progress=40)
    assert jobs.claim(queue, "two", HOLDS_S) is None
    job = jobs.find(queue, job_id)
    assert job is not None and job.progress == 40


def test_a_released_job_waits_again(queue: sa.Engine) -> None:
    (job_id,) = submit(queue, 1)
    jobs.claim(queue, "one", HOLDS_S)
    assert jobs.release(queue, job_id, "one")
    again = jobs.claim(queue, "two", HOLDS_S)
    assert again is not None and again.job_id == job_id


CLAIM_AND_DIE = """
import os, signal, sys
from mova_core.registry.database.connection import open_database
from services import jobs

assert jobs.claim(open_database(sys.argv[1]), f"worker {os.getpid()}", lease_s=-1.0) is not None
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_job_that_kills_its_workers_fails_and_the_queue_goes_on(queue: sa.Engine, registry_url: str) -> None:
    deadly, harmless = submit(queue, 2)
    for _ in range(jobs.MAX_ATTEMPTS):
        assert subprocess.run([sys.executable, "-c", CLAIM_AND_DIE, registry_url]).returncode == -signal.SIGKILL
    next_one = jobs.claim(queue, "alive", HOLDS_S)
    assert next_one is not None and next_one.job_id == harmless
    job = jobs.find(queue, deadly)
    assert job is not None and (job.status, job.attempts) == ("failed", jobs.MAX_ATTEMPTS)
    assert "3 workers were killed while they made this clip" in str(job.error)


def test_a_service_that_is_ended_again_and_again_never_fails_a_job(queue: sa.Engine) -> None:
    (job_id,) = submit(queue, 1)
    for _ in range(2 * jobs.MAX_ATTEMPTS):
        job = jobs.claim(queue, "one", HOLDS_S)
        assert job is not None and job.attempts == 1
        assert jobs.release(queue, job_id, "one")


def test_deleting_cancels_what_waits_or_runs_and_removes_what_is_finished(queue: sa.Engine) -> None:
    waits, runs, finished = submit(queue, 3)
    for name in ("a", "b", "c"):
        jobs.claim(queue, name, HOLDS_S)
    jobs.release(queue, waits, "a")
    jobs.fail(queue, finished, "c", "no")
    for job_id in (waits, runs, finished):
        assert jobs.delete(queue, job_id) is not None
        assert jobs.find(queue, job_id) is None and jobs.delete(queue, job_id) is None
    assert not jobs.renew(queue, runs, "b", HOLDS_S)
    assert jobs.claim(queue, "d", HOLDS_S) is None


def test_pages_cover_every_job_once_either_way_round(queue: sa.Engine) -> None:
    ids = submit(queue, 5)
    for newest_first, expected in ((False, ids), (True, ids[::-1])):
        seen: list[str] = []
        while rows := jobs.page(queue, after=seen[-1] if seen else None, limit=2, newest_first=newest_first):
            seen += [job.job_id for job in rows]
        assert seen == expected


def test_a_full_queue_turns_away(queue: sa.Engine) -> None:
    jobs.submit(queue, {}, limit=1)
    with pytest.raises(jobs.QueueFull, match="1 clips are waiting and the queue takes 1"):
        jobs.submit(queue, {}, limit=1)
