"""datasets.made_from is called inputs, as everywhere else."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Rename the column; SQLite and PostgreSQL write it alike."""
    op.execute("ALTER TABLE datasets RENAME COLUMN made_from TO inputs")
