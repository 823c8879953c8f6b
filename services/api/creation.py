"""A request becomes a job: its fields are checked, there must be room, and only then its files are looked into."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from mova_core.storage.hashing import sha256_json
from services.api.errors import NotFound
from services.jobs import view
from services.jobs.inputs import JobInputs
from services.jobs.results import result_path
from services.jobs.submission import KEY_FORM, InputGone, NewJob, check_room, sent_before, submit
from services.jobs.view import JobView
from services.jobs.webhooks import Webhooks
from services.keys.caller import Caller
from services.requests.checker import CheckedRequest, RequestChecker
from services.requests.derived import FinishedClip, Kind, derived
from services.requests.errors import InvalidRequest
from services.requests.first_frame import ImageDecoder
from services.requests.video_request import SMOKE_HEADER
from services.settings import ServiceSettings

KEY_HEADER = "idempotency-key"
IMAGES = ("image", "last_image")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came.

    Args:
        fields: of its body.
        headers: of it.
        caller: who sent it.
    """

    fields: Mapping[str, Any]
    headers: Mapping[str, str]
    caller: Caller


@dataclass(frozen=True, slots=True)
class Creation:
    """What it takes to queue a job.

    Args:
        engine: the registry.
        checker: of the packaged model.
        inputs: where the files of requests are kept.
        images: looks into images.
        settings: how many jobs may wait, and where clips are.
        webhooks: who may be told of jobs.
    """

    engine: sa.Engine
    checker: RequestChecker
    inputs: JobInputs
    images: ImageDecoder
    settings: ServiceSettings
    webhooks: Webhooks

    def create(self, asked: Asked) -> tuple[JobView, bool]:
        """Queue a clip.

        Args:
            asked: the request.

        Returns:
            The job, and whether it is new: a request that is sent again with its Idempotency-Key is the job it was.

        Raises:
            InvalidRequest: a field that cannot be.
            QueueFull: too many wait, or too many of the caller's.
            OtherRequest: the key was sent with another request.
        """
        return self._queue(self.checker.check(asked.fields), _new_job("create", asked))

    def derive(self, kind: Kind, asked: Asked, source_id: str | None) -> tuple[JobView, bool]:
        """Queue a clip that goes on from another one.

        Args:
            kind: what is asked for.
            asked: the request.
            source_id: the job that it goes on from; None: `video` among the fields is its id, or a file.

        Returns:
            As `create`.

        Raises:
            NotFound: there is no such job that the caller sees.
            InvalidRequest: as of `create`, or the job has no clip.
        """
        named = asked.fields.get("video")
        if source_id is None and isinstance(named, str) and view.is_id(named):
            source_id = named
        clip = None if source_id is None else self._clip(source_id, asked.caller, wants_file=kind != "remix")
        checked = derived(kind, self.checker, asked.fields, clip)
        new = replace(_new_job(f"{kind} {source_id}", asked), source_id=source_id)
        return self._queue(checked, new)

    def planned(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """What would be queued of a request for a clip, whose files are not looked into."""
        return self.checker.check(fields).queued()

    def _clip(self, job_id: str, caller: Caller, wants_file: bool) -> FinishedClip:
        job = view.find(self.engine, job_id, caller.sees) if view.is_id(job_id) else None
        if job is None:
            raise NotFound(f"video {job_id[:80]!r} is not known here, or was deleted")
        path = self.settings.root / result_path(job_id)
        if not wants_file:
            return FinishedClip(job.request, None)
        if job.status != "completed" or job.result_sha256 is None or not path.is_file():
            raise InvalidRequest(f"video {job_id} is {job.status}, expected a completed one with its file", "video")
        self.inputs.put_file(path, job.result_sha256)
        return FinishedClip(job.request, job.result_sha256)

    def _queue(self, checked: CheckedRequest, new: NewJob) -> tuple[JobView, bool]:
        if (before := sent_before(self.engine, new)) is not None:
            return before, False
        self.webhooks.check(checked.values["webhook_url"])
        limit = self.settings.params.queue
        check_room(self.engine, new, limit)
        shapes = [self.images.shape(checked.files[name]) for name in IMAGES if name in checked.files]
        request = checked.queued(shapes[0] if shapes else None)
        for left in (1, 0):
            given = {name: self.inputs.put(data) for name, data in checked.files.items()}
            named = {**checked.kept, **given}
            try:
                return submit(self.engine, replace(new, request=request, inputs=named), limit, self.inputs)
            except InputGone:  # removed between the two, by the job that it belonged to
                if not left:
                    raise
        raise AssertionError


def _new_job(what: str, asked: Asked) -> NewJob:
    key = asked.headers.get(KEY_HEADER)
    if key is not None and not re.fullmatch(KEY_FORM, key):
        raise InvalidRequest("the Idempotency-Key is not 1 to 128 visible ASCII characters: send a UUID", KEY_HEADER)
    sha256 = None if key is None else sha256_json({"what": what, "fields": dict(asked.fields)})
    return NewJob(
        {},
        smoke=SMOKE_HEADER in asked.headers and asked.caller.may_smoke,
        idempotency_key=key,
        request_sha256=sha256,
        owner=asked.caller.owner,
        quota=asked.caller.quota,
    )
