"""Bring a database to the newest revision, once, whoever comes first.

The whole upgrade is one transaction under a lock (SQLite's write lock, an advisory lock on PostgreSQL), so processes
that start together do it once, and one that is killed leaves the revision before.
"""

import sqlalchemy as sa

from mova_core.errors import StaleError

VERSION_TABLE = "mova_registry_version"  # a name of our own: a server may hold other projects' tables
SCRIPTS = "mova_core.registry.database:migrations"
NEWEST = "0011"  # the last file of migrations/versions; a test holds the two together
LOCK = 0x6D6F7661  # "mova"


def upgrade(engine: sa.Engine, name: str) -> None:
    """Upgrade a database if it is not at the newest revision.

    Args:
        engine: the database.
        name: what to call it in a message.

    Raises:
        StaleError: its revision is unknown here: a newer version of this project made it.
    """
    with engine.connect() as connection:
        if current_revision(connection) == NEWEST:
            return
    import alembic.command  # noqa: F401  # takes a second: before the lock, which others wait for

    with engine.execution_options(immediate=True).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
        revision = current_revision(connection)
        if revision != NEWEST:
            _run(connection, revision, name)


def current_revision(connection: sa.Connection) -> str | None:
    """The revision of a database; None if it was never a registry."""
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    table = sa.table(VERSION_TABLE, sa.column("version_num", sa.String))
    revision: str | None = connection.execute(sa.select(table.c.version_num)).scalar()
    return revision


def _run(connection: sa.Connection, revision: str | None, name: str) -> None:
    # Imported here: needed once in a database's life.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", SCRIPTS)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if revision is not None and revision not in known:
        raise StaleError(
            f"the registry at {name} is at revision {revision}, this version knows up to {NEWEST}: install the newer "
            "version of this project, or name another database"
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
