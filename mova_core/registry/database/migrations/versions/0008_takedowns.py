"""Table takedowns: footage that may not be used any more, append-only by triggers."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

APPEND_ONLY = "takedowns is append-only: its rows are never changed or removed"


def upgrade() -> None:
    """Make the table and the triggers that keep it append-only."""
    op.create_table(
        "takedowns",
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=True),
        sa.Column("recorded_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name="pk_takedowns"),
        sa.UniqueConstraint("source_id", "number", name="uq_takedowns_source_id"),
        sa.CheckConstraint("action IN ('taken_down', 'restored')", name=op.f("ck_takedowns_action")),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION takedowns_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{APPEND_ONLY}'; END $$"
        )
        op.execute(
            "CREATE TRIGGER takedowns_no_change BEFORE UPDATE OR DELETE ON takedowns "
            "FOR EACH ROW EXECUTE FUNCTION takedowns_append_only()"
        )
        op.execute(
            "CREATE TRIGGER takedowns_no_truncate BEFORE TRUNCATE ON takedowns "
            "FOR EACH STATEMENT EXECUTE FUNCTION takedowns_append_only()"
        )
        return
    for event in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER takedowns_no_{event.lower()} BEFORE {event} ON takedowns "
            f"BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END"
        )
    # INSERT OR REPLACE removes the old row without asking the trigger above.
    op.execute(
        "CREATE TRIGGER takedowns_no_replace BEFORE INSERT ON takedowns WHEN EXISTS (SELECT 1 FROM takedowns "
        "WHERE event_id = NEW.event_id OR (source_id = NEW.source_id AND number = NEW.number)) "
        f"BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END"
    )
