"""The database is found, opened once whoever comes first, and never tells its password."""

import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

from mova_core.errors import StaleError, UsageError
from mova_core.registry.database import migrations, outage
from mova_core.registry.database.base import Base
from mova_core.registry.database.connection import database_url, only_one, open_database, reading, shown, writing
from mova_core.registry.database.migration import NEWEST, SCRIPTS, VERSION_TABLE, current_revision
from mova_core.registry.database.tables import Job, Run

SECRET = "kh7secret"


def a_run(run_id: str) -> Run:
    return Run(run_id=run_id, phase="phase1", params={}, code="", latents={}, path="", manifest_sha256="")


def a_job(**values: object) -> Job:
    return Job(**{"job_id": "j", "status": "queued", "request": {}, "progress": 0, "created_at": 1.5} | values)


def test_models_and_migrations_agree(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        options = {"version_table": VERSION_TABLE, "compare_type": True, "compare_server_default": True}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata) == []
        inspector, checks = sa.inspect(connection), {}
        for table in Base.metadata.tables:
            checks[table] = {found["name"] for found in inspector.get_check_constraints(table)}
    expected = {
        name: {str(check.name) for check in table.constraints if isinstance(check, sa.CheckConstraint)}
        for name, table in Base.metadata.tables.items()
    }
    assert checks == expected  # what Alembic does not compare


def test_newest_is_the_last_revision(engine: sa.Engine) -> None:
    files = sorted((Path(migrations.__path__[0]) / "versions").glob("[0-9]*.py"))
    assert files[-1].name.startswith(NEWEST)
    with engine.connect() as connection:
        assert current_revision(connection) == NEWEST


def test_jobs_of_the_first_revision_are_kept_without_their_images_and_have_no_attempts_yet(url: str) -> None:
    engine = sa.create_engine(database_url(url))
    config = Config()
    config.set_main_option("script_location", SCRIPTS)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for job_id, status, image in (
            ("old", "queued", "null"),
            ("deleted", "cancelled", "null"),
            ("waits", "in_progress", '"iVBO"'),
            ("made", "completed", '"iVBO"'),
        ):
            connection.exec_driver_sql(
                "INSERT INTO jobs (job_id, status, request, progress, created_at) VALUES "
                f"('{job_id}', '{status}', '{{\"prompt\": \"a\", \"image\": {image}}}', 0, 1.5)"
            )
    engine.dispose()
    upgraded = open_database(url)
    with reading(upgraded) as session:
        job = session.get_one(Job, "old")
        assert (job.status, job.created_at, job.attempts) == ("queued", 1.5, 0)
        assert session.get(Job, "deleted") is None  # `cancelled` said so then
        waits, made = (session.get_one(Job, name) for name in ("waits", "made"))
        assert (waits.status, waits.error_code, made.status) == ("failed", "earlier_version", "completed")
        assert [each.request for each in (job, waits, made)] == [{"prompt": "a", "inputs": {}}] * 3
    upgraded.dispose()


def test_opening_again_keeps_the_rows(url: str) -> None:
    first = open_database(url)
    with writing(first) as session:
        session.add(a_run("one"))
    first.dispose()
    again = open_database(url)
    with reading(again) as session:
        assert session.get(Run, "one") is not None
    again.dispose()


OPEN_FOUR_TIMES_AT_ONCE = """
import os, sys
import alembic.command
from mova_core.registry.database.connection import open_database

wait, go = os.pipe()
children = []
for _ in range(4):
    if (child := os.fork()) == 0:
        os.close(go)
        os.read(wait, 1)  # until the parent closes its end
        open_database(sys.argv[1]).dispose()
        sys.exit()
    children.append(child)
os.close(go)
sys.exit(sum(os.waitpid(child, 0)[1] != 0 for child in children))
"""


def test_processes_that_start_together_upgrade_once(url: str) -> None:
    command = [sys.executable, "-c", OPEN_FOUR_TIMES_AT_ONCE, url]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_newer_database_is_refused(url: str) -> None:
    engine = open_database(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    engine.dispose()
    with pytest.raises(StaleError, match="revision 9999, this version knows up to"):
        open_database(url)


def test_an_exception_undoes_a_transaction(engine: sa.Engine) -> None:
    with pytest.raises(RuntimeError), writing(engine) as session:
        session.add(a_run("one"))
        session.flush()
        raise RuntimeError
    with reading(engine) as session:
        assert session.get(Run, "one") is None


def test_writers_that_read_first_wait_for_each_other(engine: sa.Engine) -> None:
    with writing(engine) as session:
        session.add(a_run("count"))

    def count_up() -> None:
        for _ in range(5):
            with writing(engine) as session:
                only_one(session, "count")
                run = session.get_one(Run, "count")
                run.params = {"n": run.params.get("n", 0) + 1}

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with reading(engine) as session:
        assert session.get_one(Run, "count").params == {"n": 20}


@pytest.mark.parametrize("wrong", [{"status": "waiting"}, {"progress": 101}, {"progress": -1}])
def test_a_job_outside_its_ranges_is_refused(engine: sa.Engine, wrong: dict[str, object]) -> None:
    with pytest.raises(sa.exc.IntegrityError), writing(engine) as session:
        session.add(a_job(**wrong))


def test_foreign_keys_hold(engine: sa.Engine) -> None:
    with pytest.raises(sa.exc.IntegrityError), writing(engine) as session:
        session.execute(
            sa.text("INSERT INTO aliases (name, checkpoint_id, moved_at) VALUES ('production', 'nobody', 0)")
        )


def test_values_come_back_as_they_went_in(engine: sa.Engine) -> None:
    request = {"prompt": "a “red” ball\n", "scale": 0.1 + 0.2, "deep": [None, True, 1.0]}
    with writing(engine) as session:
        session.add(a_job(request=request, created_at=1763712345.123456, progress=100))
    with reading(engine) as session:
        job = session.get_one(Job, "j")
        assert (job.request, job.created_at, job.error) == (request, 1763712345.123456, None)


def test_the_database_is_in_the_present_folder_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MOVA_DATABASE_URL", raising=False)
    open_database().dispose()
    assert (tmp_path / ".mova/registry.db").is_file()
    monkeypatch.setenv("MOVA_DATABASE_URL", "sqlite:///elsewhere/other.db")
    open_database().dispose()
    assert (tmp_path / "elsewhere/other.db").is_file()


def test_sqlite_runs_in_wal_mode_with_foreign_keys(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/r.db")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    engine.dispose()


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://mova:{SECRET}@localhost:1/none",
        f"postgresql://mova@localhost:1/none?password={SECRET}",
        f"mysql://mova:{SECRET}@localhost/none",
        f"postgresql:mova:{SECRET}@localhost",
        f"postgresql://mova:{SECRET}@localhost:port/none",
    ],
)
def test_a_password_is_never_told(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outage, "ASKED_FOR_S", 0.0)
    with pytest.raises(UsageError) as told:
        open_database(url)
    assert SECRET not in str(told.value)
    assert "MOVA_DATABASE_URL" in str(told.value)


def test_a_shown_url_says_where_but_not_the_password() -> None:
    url = database_url(f"postgresql://mova:{SECRET}@db.example:5433/registry?sslpassword={SECRET}")
    assert re.fullmatch(r"postgresql://mova:\*+@db.example:5433/registry", shown(url))


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_registry_that_forgets_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="in memory"):
        open_database(url)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "r.db").write_text("not a database, " * 100)
    with pytest.raises(UsageError, match=r"r\.db cannot be opened \(file is not a database\)"):
        open_database(f"sqlite:///{tmp_path}/r.db")
