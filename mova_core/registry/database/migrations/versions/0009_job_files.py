"""What jobs are made from and look like lies beside them; what became of one has a code.

A job that was deleted while it waited had the status `cancelled`, which is now one that clients see: those rows go.
Images stood in the rows: finished jobs need them no more, and one that still waits has to be asked for again.
"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

FAILED = "it was asked of an earlier version, with an image in its row: ask for it again"


def upgrade() -> None:
    """Add the columns and tables, and take images out of rows."""
    for name in ("error_code", "source_id", "idempotency_key", "request_sha256"):
        op.add_column("jobs", sa.Column(name, sa.String(), nullable=True))
    op.create_index("ix_jobs_finished_at", "jobs", ["finished_at"])
    op.create_index("ix_jobs_idempotency_key", "jobs", ["idempotency_key"], unique=True)
    op.create_table(
        "job_inputs",
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("job_id", "name", name="pk_job_inputs"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.job_id"], name="fk_job_inputs_job_id", ondelete="CASCADE"),
    )
    op.create_index("ix_job_inputs_sha256", "job_inputs", ["sha256"])
    op.create_table(
        "job_previews",
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("progress", sa.Integer(), nullable=False),
        sa.Column("jpeg", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("job_id", name="pk_job_previews"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.job_id"], name="fk_job_previews_job_id", ondelete="CASCADE"),
    )
    op.create_table(
        "webhook_messages",
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("payload", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("message_id", name="pk_webhook_messages"),
    )
    op.create_index("ix_webhook_messages_next_at", "webhook_messages", ["next_at"])
    _move_rows(op.get_bind())


def _move_rows(connection: sa.Connection) -> None:
    connection.execute(sa.text("DELETE FROM jobs WHERE status = 'cancelled'"))
    rows = connection.execute(sa.text("SELECT job_id, status, CAST(request AS VARCHAR) FROM jobs")).all()
    for job_id, status, text in rows:
        request = json.loads(text)
        image = request.pop("image", None)
        connection.execute(
            sa.text("UPDATE jobs SET request = :request WHERE job_id = :job_id").bindparams(
                sa.bindparam("request", type_=sa.JSON())
            ),
            {"request": request | {"inputs": {}}, "job_id": job_id},
        )
        if image is not None and status in ("queued", "in_progress"):
            connection.execute(
                sa.text(
                    "UPDATE jobs SET status = 'failed', error = :error, error_code = 'earlier_version', worker = NULL, "
                    "lease_until = NULL, finished_at = created_at WHERE job_id = :job_id"
                ),
                {"error": FAILED, "job_id": job_id},
            )
