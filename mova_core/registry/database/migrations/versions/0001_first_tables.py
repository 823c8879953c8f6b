"""First tables: datasets, runs, checkpoints, evaluations, aliases, promotions (append-only), jobs."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

APPEND_ONLY = "promotions is append-only: its rows are never changed or removed"


def upgrade() -> None:
    """Make the tables, and the triggers that keep promotions append-only."""
    _make_manifest_tables()
    _make_promotion_tables()
    _make_jobs()
    if op.get_bind().dialect.name == "postgresql":
        _guard_on_postgresql()
    else:
        _guard_on_sqlite()


def _make_manifest_tables() -> None:
    op.create_table(
        "datasets",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("made_from", sa.JSON(), nullable=False),
        sa.Column("files", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("name", "sha256", name="pk_datasets"),
    )
    op.create_table(
        "runs",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("phase", sa.String(), nullable=False),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("latents", sa.JSON(), nullable=False),
        sa.Column("start_checkpoint", sa.String(), nullable=True),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("manifest_sha256", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name="pk_runs"),
    )
    op.create_table(
        "checkpoints",
        sa.Column("checkpoint_id", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=True),
        sa.Column("phase", sa.String(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=True),
        sa.Column("path", sa.String(), nullable=True),
        sa.Column("manifest_sha256", sa.String(), nullable=True),
        sa.Column("model_path", sa.String(), nullable=True),
        sa.Column("selection", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("checkpoint_id", name="pk_checkpoints"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.run_id"], name="fk_checkpoints_run_id"),
    )
    op.create_table(
        "evaluations",
        sa.Column("evaluation_id", sa.String(), nullable=False),
        sa.Column("checkpoint_id", sa.String(), nullable=False),
        sa.Column("phase", sa.String(), nullable=False),
        sa.Column("suite", sa.JSON(), nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("evaluation_id", name="pk_evaluations"),
        sa.ForeignKeyConstraint(["checkpoint_id"], ["checkpoints.checkpoint_id"], name="fk_evaluations_checkpoint_id"),
    )
    op.create_index("ix_evaluations_checkpoint_id", "evaluations", ["checkpoint_id"])


def _make_promotion_tables() -> None:
    op.create_table(
        "aliases",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("checkpoint_id", sa.String(), nullable=False),
        sa.Column("moved_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_aliases"),
        sa.ForeignKeyConstraint(["checkpoint_id"], ["checkpoints.checkpoint_id"], name="fk_aliases_checkpoint_id"),
    )
    op.create_table(
        "promotions",
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("alias", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("checkpoint_id", sa.String(), nullable=False),
        sa.Column("champion_id", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("previous_hash", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name="pk_promotions"),
        sa.ForeignKeyConstraint(["checkpoint_id"], ["checkpoints.checkpoint_id"], name="fk_promotions_checkpoint_id"),
        sa.UniqueConstraint("previous_hash", name="uq_promotions_previous_hash"),
        sa.UniqueConstraint("hash", name="uq_promotions_hash"),
        sa.CheckConstraint("outcome IN ('promoted', 'kept')", name=op.f("ck_promotions_outcome")),
    )


def _make_jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("progress", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("claimed_at", sa.Double(), nullable=True),
        sa.Column("finished_at", sa.Double(), nullable=True),
        sa.Column("worker", sa.String(), nullable=True),
        sa.Column("lease_until", sa.Double(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("result_path", sa.String(), nullable=True),
        sa.Column("result_sha256", sa.String(), nullable=True),
        sa.Column("checkpoint_id", sa.String(), nullable=True),
        sa.Column("bento", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("job_id", name="pk_jobs"),
        sa.CheckConstraint(
            "status IN ('queued', 'in_progress', 'completed', 'failed', 'cancelled')", name=op.f("ck_jobs_status")
        ),
        sa.CheckConstraint("progress BETWEEN 0 AND 100", name=op.f("ck_jobs_progress")),
    )
    op.create_index("ix_jobs_status", "jobs", ["status", "created_at"])
    op.create_index("ix_jobs_result_sha256", "jobs", ["result_sha256"])


def _guard_on_sqlite() -> None:
    for event in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER promotions_no_{event.lower()} BEFORE {event} ON promotions "
            f"BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END"
        )
    # INSERT OR REPLACE removes the old row without asking the trigger above.
    op.execute(
        "CREATE TRIGGER promotions_no_replace BEFORE INSERT ON promotions WHEN EXISTS (SELECT 1 FROM promotions "
        "WHERE event_id = NEW.event_id OR previous_hash = NEW.previous_hash OR hash = NEW.hash) "
        f"BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END"
    )


def _guard_on_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION promotions_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{APPEND_ONLY}'; END $$"
    )
    op.execute(
        "CREATE TRIGGER promotions_no_change BEFORE UPDATE OR DELETE ON promotions "
        "FOR EACH ROW EXECUTE FUNCTION promotions_append_only()"
    )
    op.execute(
        "CREATE TRIGGER promotions_no_truncate BEFORE TRUNCATE ON promotions "
        "FOR EACH STATEMENT EXECUTE FUNCTION promotions_append_only()"
    )
