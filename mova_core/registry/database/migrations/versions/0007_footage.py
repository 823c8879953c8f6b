"""Which footage is in which dataset, latents of runs in rows, and indexes that lineage goes by.

Of the datasets that are there already, the next `mova registry sync` in a folder that still has them records it.
"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

INDEXES = (
    ("runs", "start_checkpoint"),
    ("checkpoints", "run_id"),
    ("aliases", "checkpoint_id"),
    ("promotions", "checkpoint_id"),
    ("jobs", "checkpoint_id"),
)


def upgrade() -> None:
    """Make the tables and indexes, and fill `run_latents`."""
    for table, column in INDEXES:
        op.create_index(f"ix_{table}_{column}", table, [column])
    _make_sources()
    _make_clip_sets()
    _make_dataset_sources()
    run_latents = op.create_table(
        "run_latents",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("geometry", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "geometry", name="pk_run_latents"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.run_id"], name="fk_run_latents_run_id"),
    )
    op.create_index("ix_run_latents_sha256", "run_latents", ["sha256"])
    runs = op.get_bind().execute(sa.text("SELECT run_id, latents FROM runs")).all()
    rows = [
        {"run_id": run_id, "geometry": geometry, "sha256": sha256}
        for run_id, latents in runs
        for geometry, sha256 in (json.loads(latents) if isinstance(latents, str) else latents).items()
    ]
    op.bulk_insert(run_latents, rows)


def _make_sources() -> None:
    op.create_table(
        "sources",
        sa.Column("source_key", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("source_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("source_key", name="pk_sources"),
        sa.UniqueConstraint("source_id", name="uq_sources_source_id"),
    )
    op.create_table(
        "source_paths",
        sa.Column("source_key", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("source_key", "path", name="pk_source_paths"),
        sa.ForeignKeyConstraint(["source_key"], ["sources.source_key"], name="fk_source_paths_source_key"),
    )
    op.create_index("ix_source_paths_path", "source_paths", ["path"])
    op.create_table(
        "near_duplicates",
        sa.Column("source_key", sa.Integer(), nullable=False),
        sa.Column("kept_key", sa.Integer(), nullable=False),
        sa.Column("start_s", sa.Double(), nullable=False),
        sa.Column("kept_start_s", sa.Double(), nullable=False),
        sa.Column("end_s", sa.Double(), nullable=False),
        sa.Column("is_copy", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("source_key", "kept_key", "start_s", "kept_start_s", name="pk_near_duplicates"),
        sa.ForeignKeyConstraint(["source_key"], ["sources.source_key"], name="fk_near_duplicates_source_key"),
        sa.ForeignKeyConstraint(["kept_key"], ["sources.source_key"], name="fk_near_duplicates_kept_key"),
    )
    op.create_index("ix_near_duplicates_kept_key", "near_duplicates", ["kept_key"])


def _make_clip_sets() -> None:
    op.create_table(
        "clip_sets",
        sa.Column("set_key", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("source_key", sa.Integer(), nullable=False),
        sa.Column("clips", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("set_key", name="pk_clip_sets"),
        sa.UniqueConstraint("digest", name="uq_clip_sets_digest"),
        sa.ForeignKeyConstraint(["source_key"], ["sources.source_key"], name="fk_clip_sets_source_key"),
    )
    op.create_table(
        "clip_set_phases",
        sa.Column("set_key", sa.Integer(), nullable=False),
        sa.Column("phase", sa.String(), nullable=False),
        sa.Column("clips", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("set_key", "phase", name="pk_clip_set_phases"),
        sa.ForeignKeyConstraint(["set_key"], ["clip_sets.set_key"], name="fk_clip_set_phases_set_key"),
    )
    op.create_table(
        "set_clips",
        sa.Column("clip_id", sa.String(), nullable=False),
        sa.Column("set_key", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=True),
        sa.Column("window_id", sa.String(), nullable=True),
        sa.Column("start_s", sa.Double(), nullable=True),
        sa.Column("end_s", sa.Double(), nullable=True),
        sa.Column("split", sa.String(), nullable=False),
        sa.Column("phases", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("clip_id", "set_key", name="pk_set_clips"),
        sa.ForeignKeyConstraint(["set_key"], ["clip_sets.set_key"], name="fk_set_clips_set_key"),
    )
    op.create_index("ix_set_clips_set_key", "set_clips", ["set_key"])


def _make_dataset_sources() -> None:
    op.create_table(
        "indexed_datasets",
        sa.Column("dataset_key", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("dataset_key", name="pk_indexed_datasets"),
        sa.UniqueConstraint("sha256", "name", name="uq_indexed_datasets_sha256"),
        sa.ForeignKeyConstraint(
            ["name", "sha256"], ["datasets.name", "datasets.sha256"], name="fk_indexed_datasets_name"
        ),
    )
    op.create_table(
        "dataset_sources",
        sa.Column("dataset_key", sa.Integer(), nullable=False),
        sa.Column("source_key", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(), nullable=True),
        sa.Column("set_key", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("dataset_key", "source_key", name="pk_dataset_sources"),
        sa.ForeignKeyConstraint(
            ["dataset_key"], ["indexed_datasets.dataset_key"], name="fk_dataset_sources_dataset_key"
        ),
        sa.ForeignKeyConstraint(["source_key"], ["sources.source_key"], name="fk_dataset_sources_source_key"),
        sa.ForeignKeyConstraint(["set_key"], ["clip_sets.set_key"], name="fk_dataset_sources_set_key"),
    )
    op.create_index("ix_dataset_sources_source_key", "dataset_sources", ["source_key"])
