"""The arena's tables: clips by contender, and ballots, which become votes."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make both, empty."""
    op.create_table(
        "arena_clips",
        sa.Column("clip_id", sa.Integer(), nullable=False),
        sa.Column("contender", sa.String(), nullable=False),
        sa.Column("prompt_id", sa.String(), nullable=False),
        sa.Column("prompt", sa.String(), nullable=False),
        sa.Column("take", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("source_sha256", sa.String(), nullable=False),
        sa.Column("added_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("clip_id", name="pk_arena_clips"),
        sa.UniqueConstraint("contender", "prompt_id", "take", name="uq_arena_clips_contender"),
    )
    op.create_table(
        "arena_ballots",
        sa.Column("ballot_id", sa.String(), nullable=False),
        sa.Column("judge", sa.String(), nullable=False),
        sa.Column("session", sa.String(), nullable=False),
        sa.Column("pair", sa.String(), nullable=False),
        sa.Column("clip_a", sa.Integer(), nullable=False),
        sa.Column("clip_b", sa.Integer(), nullable=False),
        sa.Column("issued_at", sa.Double(), nullable=False),
        sa.Column("voted_at", sa.Double(), nullable=True),
        sa.Column("choices", sa.JSON(none_as_null=True), nullable=True),
        sa.PrimaryKeyConstraint("ballot_id", name="pk_arena_ballots"),
        sa.UniqueConstraint("session", "pair", name="uq_arena_ballots_session"),
        sa.ForeignKeyConstraint(["clip_a"], ["arena_clips.clip_id"], name="fk_arena_ballots_clip_a"),
        sa.ForeignKeyConstraint(["clip_b"], ["arena_clips.clip_id"], name="fk_arena_ballots_clip_b"),
        sa.CheckConstraint("judge IN ('human', 'model')", name=op.f("ck_arena_ballots_judge")),
        sa.CheckConstraint("clip_a <> clip_b", name=op.f("ck_arena_ballots_clips")),
    )
    op.create_index("ix_arena_ballots_pair", "arena_ballots", ["pair"])
