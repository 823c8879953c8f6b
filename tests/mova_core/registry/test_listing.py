"""`mova registry list` prints what a person looks for, and every column with --json."""

from typing import Any

import pytest
import sqlalchemy as sa

from mova_core.evaluation.promote import promote
from mova_core.registry.database.connection import reading, writing
from mova_core.registry.database.tables import Checkpoint, Job
from mova_core.registry.listing import LAST_ROWS, listing


def listed(engine: sa.Engine, table: str | None = None) -> dict[str, Any]:
    with reading(engine) as session:
        return listing(session, table)


def line_with(text: str, word: str) -> str:
    return next(line for line in text.splitlines() if word in line)


def test_rows_name_ids_dates_and_figures(engine: sa.Engine, project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.root)
    index = project.curate()
    checkpoint_id = project.candidate(0)
    promote(engine, "models/phase1", "production")
    found = listed(engine)
    text = found["text"]
    assert index[:16] in line_with(text, "latents/nano-32") and " 4 " in line_with(text, "latents/nano-32")
    assert "runs/phase1" in line_with(text, "phase1-0")
    row = line_with(text, ".mova/artifacts/models")
    assert checkpoint_id in row and "passed" in row and "production" in row and "100" in row
    assert "f1 0.8" in line_with(text, "made-64") and checkpoint_id in line_with(text, "made-64")
    (alias,) = (line for line in text.splitlines() if line.startswith("  production"))
    assert checkpoint_id in alias and "UTC" in alias
    assert "promotions: 1" in text and "artifacts: 1" in text and "jobs: 0" in text
    (evaluation,) = found["tables"]["evaluations"]
    assert evaluation["metrics"]["f1"]["value"] == 0.8
    assert "it passed its gates" in listed(engine, "promotions")["text"]


def test_long_tables_show_their_last_rows(engine: sa.Engine) -> None:
    with writing(engine) as session:
        session.add_all(Checkpoint(checkpoint_id=f"{n:016x}", phase="audio", step=n) for n in range(LAST_ROWS + 3))
    text = listed(engine)["text"]
    assert f"checkpoints (the last {LAST_ROWS} of {LAST_ROWS + 3}, all by `mova registry list checkpoints`)" in text
    assert f"{2:016x}" not in text and f"{3:016x}" in text
    assert f"{0:016x}" in listed(engine, "checkpoints")["text"]


def test_the_smoke_job_of_a_deployment_is_not_among_the_jobs(engine: sa.Engine) -> None:
    common = {"status": "queued", "request": {}, "progress": 0, "created_at": 1.0}
    with writing(engine) as session:
        session.add_all([Job(job_id="user", **common), Job(job_id="check", smoke=True, **common)])
    assert [row["job_id"] for row in listed(engine, "jobs")["rows"]] == ["user"]
