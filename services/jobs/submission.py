"""A checked request becomes a job at the end of the queue, once, however often it is sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mova_core.errors import MovaError
from mova_core.registry.database.connection import only_one, reading, writing
from mova_core.registry.database.tables import Job, JobInput
from services.jobs.inputs import LOCK, JobInputs
from services.jobs.queue import WAITING
from services.jobs.rate import seconds_per_clip
from services.jobs.view import COLUMNS, JobView, new_id, present

KEY_FORM = r"^[\x21-\x7e]{1,128}$"  # an Idempotency-Key: visible ASCII


class QueueFull(MovaError):
    """More clips are waiting than the service takes on.

    Args:
        message: one sentence.
        retry_after_s: until there is room, by the clips that were made last.
    """

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class QuotaUsed(QueueFull):
    """As many clips of an owner are waiting as the key allows."""


class OtherRequest(MovaError):
    """A key that another request was sent with."""


class InputGone(MovaError):
    """A file that the job is made from was removed meanwhile: put it again."""


@dataclass(frozen=True, slots=True)
class NewJob:
    """What becomes a job.

    Args:
        request: what the worker needs, JSON-able and small.
        inputs: sha256 of each file that it is made from, by field of `ClipInputs`.
        source_id: the job whose clip it goes on from, or whose request it repeats.
        smoke: it is the check of a deployment, and in no list.
        idempotency_key: the client's name for this request; sent again, it is the same job.
        request_sha256: of what was sent with that key.
        owner: of the API key that it was asked with; empty: none was needed.
        quota: jobs of that owner that may wait at once; None: as many as the queue takes.
    """

    request: dict[str, Any]
    inputs: Mapping[str, str] = field(default_factory=dict)
    source_id: str | None = None
    smoke: bool = False
    idempotency_key: str | None = None
    request_sha256: str | None = None
    owner: str = ""
    quota: int | None = None


def submit(engine: sa.Engine, new: NewJob, limit: int, inputs: JobInputs | None = None) -> tuple[JobView, bool]:
    """Put a job at the end of the queue.

    Args:
        engine: the registry.
        new: the job.
        limit: jobs that may wait at once; smoke jobs have as many places of their own.
        inputs: where its files are, if it has any.

    Returns:
        The job, and whether it is new: with a key that was used, it is the job that was made then.

    Raises:
        QueueFull: that many wait already, or as many of the owner as its quota.
        OtherRequest: the key was sent with another request.
        InputGone: one of its files is not there.
    """
    with writing(engine) as session:
        only_one(session, "queue")
        if (before := _sent_before(session, new)) is not None:
            return before, False
        _check_room(session, limit, new)
        if new.inputs:
            only_one(session, LOCK)
            if inputs is None or not all(map(inputs.has, new.inputs.values())):
                raise InputGone("a file of the request was removed while it was queued: send it again")
        now = present()
        job = Job(
            job_id=new_id(now),
            status="queued",
            request=new.request | {"inputs": dict(new.inputs)},
            progress=0,
            attempts=0,
            created_at=now,
            smoke=new.smoke,
            source_id=new.source_id,
            idempotency_key=new.idempotency_key,
            request_sha256=new.request_sha256,
            owner=new.owner,
        )
        session.add(job)
        session.flush()
        session.add_all(JobInput(job_id=job.job_id, name=name, sha256=sha256) for name, sha256 in new.inputs.items())
        return JobView(*(getattr(job, column.key) for column in COLUMNS)), True


def sent_before(engine: sa.Engine, new: NewJob) -> JobView | None:
    """The job that was made of this request when it was sent first; errors as of `submit`."""
    with reading(engine) as session:
        return _sent_before(session, new)


def check_room(engine: sa.Engine, new: NewJob, limit: int) -> None:
    """Refuse early what `submit` would refuse.

    Raises:
        QueueFull: as there.
    """
    with reading(engine) as session:
        _check_room(session, limit, new)


def _check_room(session: Session, limit: int, new: NewJob) -> None:
    like = sa.select(sa.func.count()).select_from(Job).where(Job.status.in_(WAITING), Job.smoke == new.smoke)
    if new.quota is not None and not new.smoke:
        own = session.scalar(like.where(Job.owner == new.owner)) or 0
        if own >= new.quota:
            wait_s = seconds_per_clip(session)
            told = f"{own} of your clips are waiting and the quota of this key is {new.quota}: try again in {wait_s} s"
            raise QuotaUsed(told, wait_s)
    waiting = session.scalar(like) or 0
    if waiting >= limit:
        wait_s = seconds_per_clip(session)
        told = f"{waiting} clips are waiting and the queue takes {limit}: try again in {wait_s} s"
        raise QueueFull(told, wait_s)


def _sent_before(session: Session, new: NewJob) -> JobView | None:
    if new.idempotency_key is None:
        return None
    same = (Job.owner == new.owner, Job.idempotency_key == new.idempotency_key)
    row = session.execute(sa.select(*COLUMNS).where(*same)).one_or_none()
    if row is None:
        return None
    if session.scalar(sa.select(Job.request_sha256).where(Job.job_id == row.job_id)) != new.request_sha256:
        raise OtherRequest(
            f"Idempotency-Key {new.idempotency_key!r} was sent before with another request: choose a new key"
        )
    return JobView(*row)
