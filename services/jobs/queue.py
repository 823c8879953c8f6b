"""The queue as its workers use it: rows of the registry's table `jobs`, shared by every process of the service.

queued -> in_progress -> completed | failed; cancelled from either of the first two. A worker holds a job by a lease
that it renews; past the lease the worker is taken for dead and the job is claimed again, so a killed service finishes
its queue after a restart. A job whose workers died MAX_ATTEMPTS times fails instead: it may be what kills them.
Every change of a running job names its worker: one that lost its lease changes nothing.
The smoke jobs of `mova deploy` are made like all others, and appear in no list and in no count of users' jobs.
Times are seconds since 1970; workers on several machines need clocks that agree to well under a lease.
"""

import time
from typing import Any

import sqlalchemy as sa

from mova_core.registry.database.connection import writing
from mova_core.registry.database.tables import Job
from services.jobs.failures import WORKER_KILLED
from services.jobs.view import visible
from services.jobs.webhooks import announce

WAITING = ("queued", "in_progress")
MAX_ATTEMPTS = 3


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
            job.error_code = WORKER_KILLED
            job.error = f"{job.attempts} workers were killed while they made this clip, it is not tried again"
            session.flush()
            announce(session, job.job_id)
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


def fail(engine: sa.Engine, job_id: str, worker: str, code: str, text: str) -> bool:
    """Record why there will be no clip, see `failures`. False: no longer this worker's."""
    why = {"error_code": code, "error": text}
    values = {"status": "failed", "finished_at": time.time(), "lease_until": None} | why
    return _change(engine, job_id, worker, values)


def release(engine: sa.Engine, job_id: str, worker: str) -> bool:
    """Put a job back, this claim uncounted: its worker shuts down. False: no longer this worker's."""
    values = {"status": "queued", "progress": 0, "worker": None, "claimed_at": None, "lease_until": None}
    return _change(engine, job_id, worker, values | {"attempts": Job.attempts - 1})


def cancel(engine: sa.Engine, job_id: str, owner: str | None = None) -> bool:
    """End a job that waits or runs, of an owner or of anybody; it stays to be seen.

    Returns:
        False: there is none, or it is finished.
    """
    waits = sa.update(Job).where(Job.job_id == job_id, Job.status.in_(WAITING), *visible(owner))
    values = {"status": "cancelled", "finished_at": time.time(), "lease_until": None}
    with writing(engine) as session:
        changed = session.scalar(waits.values(**values).returning(Job.job_id))
        if changed is not None:
            announce(session, job_id)
    return changed is not None


def _change(engine: sa.Engine, job_id: str, worker: str, values: dict[str, Any]) -> bool:
    ours = sa.update(Job).where(Job.job_id == job_id, Job.worker == worker, Job.status == "in_progress")
    with writing(engine) as session:
        changed = session.scalar(ours.values(**values).returning(Job.job_id))
        if changed is not None and "finished_at" in values:
            announce(session, job_id)
    return changed is not None
