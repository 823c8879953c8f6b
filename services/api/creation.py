"""A request becomes a job: its fields are checked, there must be room, and only then its files are looked into."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from mova_core.storage.hashing import sha256_json
from services.jobs.inputs import JobInputs
from services.jobs.submission import KEY_FORM, InputGone, NewJob, check_room, sent_before, submit
from services.jobs.view import JobView
from services.requests.errors import InvalidRequest
from services.requests.first_frame import ImageDecoder
from services.requests.video_request import SMOKE_HEADER, RequestChecker

KEY_HEADER = "idempotency-key"


@dataclass(frozen=True, slots=True)
class Creation:
    """What it takes to queue a job.

    Args:
        engine: the registry.
        checker: of the packaged model.
        inputs: where the files of requests are kept.
        images: looks into images.
        limit: jobs that may wait at once.
    """

    engine: sa.Engine
    checker: RequestChecker
    inputs: JobInputs
    images: ImageDecoder
    limit: int

    def create(self, fields: Mapping[str, Any], headers: Mapping[str, str]) -> tuple[JobView, bool]:
        """Queue a job.

        Args:
            fields: of the request's body.
            headers: of the request.

        Returns:
            The job, and whether it is new: a request that is sent again with its Idempotency-Key is the job it was.

        Raises:
            InvalidRequest: a field that cannot be.
            QueueFull: too many wait.
            OtherRequest: the key was sent with another request.
        """
        checked = self.checker.check(fields)
        key = _key(headers)
        new = NewJob(
            {},
            smoke=SMOKE_HEADER in headers,
            idempotency_key=key,
            request_sha256=None if key is None else sha256_json(dict(fields)),
        )
        if (before := sent_before(self.engine, new)) is not None:
            return before, False
        check_room(self.engine, self.limit, new.smoke)
        shapes = {name: self.images.shape(data) for name, data in checked.files.items()}
        request = checked.queued(next(iter(shapes.values()), None))
        for left in (1, 0):
            named = {name: self.inputs.put(data) for name, data in checked.files.items()}
            try:
                return submit(self.engine, replace(new, request=request, inputs=named), self.limit, self.inputs)
            except InputGone:  # removed between the two, by the job that it belonged to
                if not left:
                    raise
        raise AssertionError


def _key(headers: Mapping[str, str]) -> str | None:
    key = headers.get(KEY_HEADER)
    if key is not None and not re.fullmatch(KEY_FORM, key):
        raise InvalidRequest("the Idempotency-Key is not 1 to 128 visible ASCII characters: send a UUID", KEY_HEADER)
    return key
