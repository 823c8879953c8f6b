"""Tables api_keys and key_events (append-only by triggers); jobs have an owner, and idempotency keys are the owner's.

Jobs of before belong to nobody (an empty owner): with keys, only those of scope admin see them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

APPEND_ONLY = "key_events is append-only: its rows are never changed or removed"


def upgrade() -> None:
    """Make the tables and the triggers, and give jobs an owner."""
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("token_sha256", sa.String(), nullable=False),
        sa.Column("scopes", sa.String(), nullable=False),
        sa.Column("quota", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("revoked_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("key_id", name="pk_api_keys"),
        sa.UniqueConstraint("token_sha256", name="uq_api_keys_token_sha256"),
    )
    op.create_table(
        "key_events",
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=True),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name="pk_key_events"),
        sa.CheckConstraint("event IN ('created', 'rotated', 'revoked', 'refused')", name=op.f("ck_key_events_event")),
    )
    op.add_column("jobs", sa.Column("owner", sa.String(), server_default=sa.text("''"), nullable=False))
    op.drop_index("ix_jobs_idempotency_key", "jobs")
    op.create_index("ix_jobs_owner", "jobs", ["owner", "idempotency_key"], unique=True)
    _keep_append_only()


def _keep_append_only() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION key_events_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{APPEND_ONLY}'; END $$"
        )
        for when, each in (("UPDATE OR DELETE", "ROW"), ("TRUNCATE", "STATEMENT")):
            op.execute(
                f"CREATE TRIGGER key_events_no_{when.split()[0].lower()} BEFORE {when} ON key_events "
                f"FOR EACH {each} EXECUTE FUNCTION key_events_append_only()"
            )
        return
    for event in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER key_events_no_{event.lower()} BEFORE {event} ON key_events "
            f"BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END"
        )
    # INSERT OR REPLACE removes the old row without asking the trigger above.
    op.execute(
        "CREATE TRIGGER key_events_no_replace BEFORE INSERT ON key_events "
        "WHEN EXISTS (SELECT 1 FROM key_events WHERE event_id = NEW.event_id) "
        f"BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END"
    )
