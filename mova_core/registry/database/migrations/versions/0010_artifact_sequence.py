"""artifacts.sequence: which artifact of a checkpoint is the newest, without asking clocks that may disagree."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the column; of what is there already, the times are all that is known."""
    op.add_column("artifacts", sa.Column("sequence", sa.Integer(), server_default=sa.text("0"), nullable=False))
    connection = op.get_bind()
    ids = connection.execute(sa.text("SELECT artifact_id FROM artifacts ORDER BY kept_at, artifact_id")).scalars().all()
    for number, artifact_id in enumerate(ids, start=1):
        row = {"number": number, "artifact_id": artifact_id}
        connection.execute(sa.text("UPDATE artifacts SET sequence = :number WHERE artifact_id = :artifact_id"), row)
