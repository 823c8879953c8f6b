"""The queue of clips asked for: rows of the registry's table `jobs`, shared by every process of the service.

queued -> in_progress -> completed | failed; cancelled from either of the first two. A worker holds a job by a lease
that it renews; past the lease the worker is taken for dead and the job is claimed again, so a killed service finishes
its queue after a restart. A job whose workers died MAX_ATTEMPTS times fails instead: it may be what kills them.
Every change of a running job names its worker: one that lost its lease changes nothing.
The smoke jobs of `mova deploy` are made like all others, and appear in no list and in no count of users' jobs.
Times are seconds since 1970; workers on several machines need clocks that agree to well under a lease.
"""

import secrets
import time
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from mova_core.errors import MovaError
from mova_core.registry.database.connection import only_one, reading, writing
from mova_core.registry.database.tables import Job

WAITING = ("queued", "in_progress")
MAX_ATTEMPTS = 3
SMOKE_HEADER = "x-mova-smoke"  # of a request by `mova deploy`


class QueueFull(MovaError):
    """More clips are waiting than the service takes on."""


def submit(engine: sa.Engine, request: dict[str, Any], limit: int, *, smoke: bool = False) -> Job:
    """Put a checked request at the end of the queue.

    Args:
        engine: the registry.
        request: what the generator needs (JSON-able).
        limit: jobs that may wait at once; smoke jobs have as many places of their own.
        smoke: it is the check of a deployment.

    Raises:
        QueueFull: that many wait already.
    """
    with writing(engine) as session:
        only_one(session, "queue")
        like = sa.select(sa.func.count()).select_from(Job).where(Job.status.in_(WAITING), Job.smoke == smoke)
        waiting = session.scalar(like) or 0
        if waiting >= limit:
            raise QueueFull(f"{waiting} clips are waiting and the queue takes {limit}: try again later")
        job = Job(
            job_id=f"video_{secrets.token_hex(16)}",
            status="queued",
            request=request,
            progress=0,
            attempts=0,
            created_at=time.time(),
            smoke=smoke,
        )
        session.add(job)
        session.flush()
        session.expunge(job)
    return job


def find(engine: sa.Engine, job_id: str) -> Job | None:
    """A job that was not deleted, or None."""
    with reading(engine) as session:
        job = session.get(Job, job_id)
        return None if job is None or job.status == "cancelled" else job


def page(engine: sa.Engine, *, after: str | None, limit: int, newest_first: bool) -> Sequence[Job]:
    """Up to `limit` jobs of users that were not deleted, in order of creation, behind job `after` where it is given."""
    key = sa.tuple_(Job.created_at, Job.job_id)
    query = sa.select(Job).where(Job.status != "cancelled", ~Job.smoke).limit(limit)
    columns = (Job.created_at, Job.job_id)
    query = query.order_by(*(column.desc() if newest_first else column.asc() for column in columns))
    with reading(engine) as session:
        if after is not None:
            last = session.get(Job, after)
            if last is None:
                return []
            place = sa.tuple_(sa.literal(last.created_at), sa.literal(last.job_id))
            query = query.where(key < place if newest_first else key > place)
        return session.scalars(query).all()


def claim(engine: sa.Engine, worker: str, lease_s: float) -> Job | None:
    """Take the oldest job that waits or whose worker is dead; None if there is none.

    Jobs on the way to it whose workers died MAX_ATTEMPTS times become failed.
    """
    now = time.time()
    dead = sa.and_(Job.status == "in_progress", Job.lease_until < now)
    query = (
        sa.select(Job)
        .where(sa.or_(Job.status == "queued", dead))
        .order_by(Job.created_at, Job.job_id)
        .limit(1)
        .with_for_update(skip_locked=True)  # PostgreSQL; on SQLite `writing` holds the only lock
    )
    with writing(engine) as session:
        while (job := session.scalar(query)) is not None and job.attempts >= MAX_ATTEMPTS:
            job.status, job.finished_at, job.lease_until = "failed", now, None
            job.error = (
                f"{job.attempts} workers were killed while they made this clip, it is not tried again: ask for a "
                "shorter one, and see the service's log"
            )
            session.flush()
        if job is not None:
            job.status, job.progress, job.worker, job.attempts = "in_progress", 0, worker, job.attempts + 1
            job.claimed_at, job.lease_until = now, now + lease_s
            session.flush()
            session.expunge(job)
    return job


def renew(engine: sa.Engine, job_id: str, worker: str, lease_s: float, progress: int | None = None) -> bool:
    """Prolong a lease and tell how far the work is (percent).

    Returns:
        Whether the job is still this worker's; if not, it was deleted or another took it over: stop.
    """
    values: dict[str, Any] = {"lease_until": time.time() + lease_s}
    return _change(engine, job_id, worker, values if progress is None else values | {"progress": progress})


def complete(engine: sa.Engine, job_id: str, worker: str, **result: Any) -> bool:
    """Record a finished clip: result_path, result_sha256, checkpoint_id, bento, outcome.

    Returns:
        False: the job is no longer this worker's.
    """
    done = {"status": "completed", "progress": 100, "finished_at": time.time(), "lease_until": None}
    return _change(engine, job_id, worker, done | result)


def fail(engine: sa.Engine, job_id: str, worker: str, sentence: str) -> bool:
    """Record why there will be no clip. False: no longer this worker's."""
    values = {"status": "failed", "finished_at": time.time(), "lease_until": None, "error": sentence}
    return _change(engine, job_id, worker, values)


def release(engine: sa.Engine, job_id: str, worker: str) -> bool:
    """Put a job back, this claim uncounted: its worker shuts down. False: no longer this worker's."""
    values = {"status": "queued", "progress": 0, "worker": None, "claimed_at": None, "lease_until": None}
    return _change(engine, job_id, worker, values | {"attempts": Job.attempts - 1})


def delete(engine: sa.Engine, job_id: str) -> Job | None:
    """Cancel a job that waits or runs, or remove a finished one; the caller removes its file.

    Returns:
        The job as it was, None if there is none (any more).
    """
    query = sa.select(Job).where(Job.job_id == job_id, Job.status != "cancelled").with_for_update()
    with writing(engine) as session:
        job = session.scalar(query)
        if job is None:
            return None
        was = Job(**{column.key: getattr(job, column.key) for column in sa.inspect(Job).columns})
        if job.status in WAITING:
            job.status, job.finished_at, job.lease_until = "cancelled", time.time(), None
        else:
            session.delete(job)
    return was


def _change(engine: sa.Engine, job_id: str, worker: str, values: dict[str, Any]) -> bool:
    ours = sa.update(Job).where(Job.job_id == job_id, Job.worker == worker, Job.status == "in_progress")
    with writing(engine) as session:
        changed = session.scalar(ours.values(**values).returning(Job.job_id))
    return changed is not None
