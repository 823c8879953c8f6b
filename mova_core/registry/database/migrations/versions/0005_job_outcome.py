"""jobs.outcome: how a clip came about, such as the seeds that were tried."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the column; of clips that are there already nothing is known."""
    op.add_column("jobs", sa.Column("outcome", sa.JSON(none_as_null=True), nullable=True))
