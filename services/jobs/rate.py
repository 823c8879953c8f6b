"""How long clips take here, measured on those that were made last."""

import math
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mova_core.registry.database.connection import reading
from mova_core.registry.database.tables import Job
from services.jobs.queue import WAITING

LAST = 20  # clips that are measured on
UNKNOWN_WAIT_S = 10  # for whom there is no room, before any clip was made

MADE = (Job.status == "completed", Job.claimed_at.is_not(None))


@dataclass(frozen=True, slots=True)
class Rate:
    """What was measured.

    Args:
        seconds_per_work: of one step of one frame; None: no clip was made yet.
        waiting_s: until what waits and is in work is done; None likewise.
    """

    seconds_per_work: float | None = None
    waiting_s: float | None = None

    def expected_s(self, work: float) -> float | None:
        """How long a clip of so much work takes; None: not known yet."""
        return None if self.seconds_per_work is None else round(self.seconds_per_work * work, 3)


def measured_rate(engine: sa.Engine) -> Rate:
    """The rate of this service."""
    made = (
        sa.select(Job.request, Job.claimed_at, Job.finished_at)
        .where(*MADE)
        .order_by(Job.finished_at.desc())
        .limit(LAST)
    )
    waits = sa.select(Job.request, Job.progress, Job.worker).where(Job.status.in_(WAITING))
    with reading(engine) as session:
        done = [(row.request.get("work"), row.finished_at - row.claimed_at) for row in session.execute(made)]
        ahead = [(row.request.get("work") or 0, row.progress, row.worker) for row in session.execute(waits)]
    known = [(work, took_s) for work, took_s in done if work]
    if not known:
        return Rate()
    took_s = sum(took for _, took in known)
    per_work = took_s / sum(work for work, _ in known)
    workers = len({worker for *_, worker in ahead if worker is not None}) or 1
    left = sum(work * (1 - progress / 100) for work, progress, _ in ahead)
    return Rate(per_work, round(left * per_work / workers, 3))


def seconds_per_clip(session: Session) -> int:
    """Whole seconds from one clip to the next, by those that were made last; a guess before any was."""
    last = sa.select((Job.finished_at - Job.claimed_at).label("took_s")).where(*MADE)
    last = last.order_by(Job.finished_at.desc()).limit(LAST)
    mean = session.scalar(sa.select(sa.func.avg(last.subquery().c.took_s)))
    return UNKNOWN_WAIT_S if mean is None else max(1, math.ceil(mean))
