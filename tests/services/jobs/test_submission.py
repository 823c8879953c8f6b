"""How a request becomes a job: room in the queue, a key that is sent twice, files that must be there."""

import pytest
import sqlalchemy as sa

from services.jobs.inputs import JobInputs
from services.jobs.removal import JobRemoval
from services.jobs.submission import InputGone, NewJob, OtherRequest, QueueFull, check_room, submit
from services.settings import ServiceSettings


def test_a_full_queue_turns_away(engine: sa.Engine) -> None:
    submit(engine, NewJob({}), limit=1)
    for refused in (lambda: submit(engine, NewJob({}), limit=1), lambda: check_room(engine, NewJob({}), 1)):
        with pytest.raises(QueueFull, match="1 clips are waiting and the queue takes 1"):
            refused()
    assert submit(engine, NewJob({}, smoke=True), limit=1)[1]  # it takes none of the users' places


def test_a_request_that_is_sent_again_with_its_key_is_the_job_it_was_and_another_one_is_refused(
    engine: sa.Engine,
) -> None:
    new = NewJob({"number": 1}, idempotency_key="k", request_sha256="1")
    first, is_new = submit(engine, new, limit=1)
    again, is_new_again = submit(engine, new, limit=1)  # also where the queue is full
    assert (first.job_id, is_new, is_new_again) == (again.job_id, True, False)
    with pytest.raises(OtherRequest, match="Idempotency-Key 'k' was sent before with another request"):
        submit(engine, NewJob({"number": 2}, idempotency_key="k", request_sha256="2"), limit=9)


def test_files_stay_as_long_as_a_job_names_them_and_a_job_without_its_file_is_not_queued(
    engine: sa.Engine, inputs: JobInputs, settings: ServiceSettings
) -> None:
    sha256 = inputs.put(b"one image")
    jobs = [submit(engine, NewJob({}, {"image": sha256}), 9, inputs)[0].job_id for _ in range(2)]
    removal = JobRemoval(engine, inputs, settings)
    removal.remove(jobs[0])
    assert inputs.read(sha256) == b"one image"
    removal.remove(jobs[1])
    assert not inputs.has(sha256)
    with pytest.raises(InputGone):
        submit(engine, NewJob({}, {"image": sha256}), 9, inputs)
