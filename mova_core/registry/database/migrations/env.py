"""What Alembic runs: the upgrade, over the connection and in the transaction that the caller gives."""

from alembic import context

from mova_core.registry.database.base import Base
from mova_core.registry.database.migration import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,  # SQLite changes a table by making it again
)
context.run_migrations()
