"""Pages of jobs: every job once, whichever way round, also where the last one of a page is gone."""

import pytest
import sqlalchemy as sa

from mova_core.registry.database.connection import writing
from mova_core.registry.database.tables import Job
from services.jobs import view
from services.jobs.inputs import JobInputs
from services.jobs.removal import JobRemoval
from services.jobs.submission import NewJob, submit
from services.requests.errors import InvalidRequest
from services.settings import ServiceSettings


def submitted(engine: sa.Engine, count: int) -> list[str]:
    return [submit(engine, NewJob({"number": number}), limit=100)[0].job_id for number in range(count)]


@pytest.mark.parametrize("newest_first", [False, True])
def test_pages_cover_every_job_once_also_behind_one_that_was_deleted(
    engine: sa.Engine, inputs: JobInputs, settings: ServiceSettings, newest_first: bool
) -> None:
    ids, removal = submitted(engine, 5), JobRemoval(engine, inputs, settings)
    seen: list[str] = []
    while jobs := view.page(engine, after=seen[-1] if seen else None, limit=2, newest_first=newest_first):
        seen += [job.job_id for job in jobs]
        assert removal.remove(seen[-1])
    assert seen == (ids[::-1] if newest_first else ids)


def test_an_id_tells_when_its_job_was_created(engine: sa.Engine) -> None:
    (job_id,) = submitted(engine, 1)
    job = view.find(engine, job_id)
    assert job is not None and view.created_at_of(job_id) == job.created_at


def test_a_page_goes_on_behind_a_job_of_an_earlier_version_and_behind_nothing_else(engine: sa.Engine) -> None:
    old = "video_" + 32 * "a"
    with writing(engine) as session:
        session.add(Job(job_id=old, status="failed", request={}, progress=0, created_at=1.0, finished_at=2.0))
    ids = submitted(engine, 2)
    assert [job.job_id for job in view.page(engine, after=old, limit=9, newest_first=False)] == ids
    for unknown in ("video_" + 32 * "b", "video_x", "", "\udcff", "x" * 10_000):
        with pytest.raises(InvalidRequest, match="expected the last_id of a page"):
            view.page(engine, after=unknown, limit=9, newest_first=False)
