"""Table artifacts, of what is kept for good; jobs.smoke, so that the check of a deployment appears in no list."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add both; nothing was kept before, and the jobs that are there count as users'."""
    op.create_table(
        "artifacts",
        sa.Column("artifact_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("checkpoint_id", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("kept_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("artifact_id", name="pk_artifacts"),
        sa.ForeignKeyConstraint(["checkpoint_id"], ["checkpoints.checkpoint_id"], name="fk_artifacts_checkpoint_id"),
        sa.CheckConstraint("kind IN ('model', 'package')", name=op.f("ck_artifacts_kind")),
    )
    op.create_index("ix_artifacts_checkpoint_id", "artifacts", ["checkpoint_id"])
    op.add_column("jobs", sa.Column("smoke", sa.Boolean(), server_default=sa.false(), nullable=False))
