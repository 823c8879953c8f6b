"""Which footage is in which version of the data, so that lineage is a few reads of an index in both directions.

`sync` fills them from the tables of curation and never reads a version twice. A version names a set of clips for each
source; sets are named by their content, so a version that adds one file shares the sets of all the others.
Keys are counted up under the lock of `sync`; they mean nothing outside this database.
"""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from mova_core.registry.database.base import Base


class Source(Base):
    """A file of the footage, whatever it is called and wherever it lies."""

    __tablename__ = "sources"

    source_key: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    source_id: Mapped[str] = mapped_column(unique=True)  # sha256 of its bytes


class SourcePath(Base):
    """A path inside the footage that a source was ever found at; of a duplicate too."""

    __tablename__ = "source_paths"

    source_key: Mapped[int] = mapped_column(sa.ForeignKey("sources.source_key"), primary_key=True)
    path: Mapped[str] = mapped_column(primary_key=True, index=True)


class IndexedDataset(Base):
    """A version of a dataset whose footage is recorded here."""

    __tablename__ = "indexed_datasets"
    __table_args__ = (
        sa.UniqueConstraint("sha256", "name"),
        sa.ForeignKeyConstraint(["name", "sha256"], ["datasets.name", "datasets.sha256"]),
    )

    dataset_key: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str]
    sha256: Mapped[str]


class ClipSet(Base):
    """The clips of one source in a version of `clips` or of latents."""

    __tablename__ = "clip_sets"

    set_key: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    digest: Mapped[str] = mapped_column(unique=True)  # sha256 of the source's id and of all columns of the clips
    source_key: Mapped[int] = mapped_column(sa.ForeignKey("sources.source_key"))
    clips: Mapped[int]


class ClipSetPhase(Base):
    """How many clips of a set a phase is trained on: those of the training split that are accepted for it."""

    __tablename__ = "clip_set_phases"

    set_key: Mapped[int] = mapped_column(sa.ForeignKey("clip_sets.set_key"), primary_key=True)
    phase: Mapped[str] = mapped_column(primary_key=True)
    clips: Mapped[int]


class SetClip(Base):
    """A clip of a set, or a window of audio alone."""

    __tablename__ = "set_clips"

    clip_id: Mapped[str] = mapped_column(primary_key=True)
    set_key: Mapped[int] = mapped_column(sa.ForeignKey("clip_sets.set_key"), primary_key=True, index=True)
    sha256: Mapped[str | None]  # null: a window of audio alone, which is no file
    window_id: Mapped[str | None]  # null: a window of audio alone
    start_s: Mapped[float | None]  # in its source; null: the version of `windows` was not there to be read
    end_s: Mapped[float | None]
    split: Mapped[str]
    phases: Mapped[str | None]  # comma-separated; null in a version of `clips`, where nothing is accepted yet


class DatasetSource(Base):
    """A source of which a version of a dataset has rows."""

    __tablename__ = "dataset_sources"

    dataset_key: Mapped[int] = mapped_column(sa.ForeignKey("indexed_datasets.dataset_key"), primary_key=True)
    source_key: Mapped[int] = mapped_column(sa.ForeignKey("sources.source_key"), primary_key=True, index=True)
    path: Mapped[str | None]  # in a version of `sources`
    set_key: Mapped[int | None] = mapped_column(sa.ForeignKey("clip_sets.set_key"))  # in one of `clips` or latents


class NearDuplicate(Base):
    """An interval that two sources share, in any version of `near_duplicates`; it says something about their bytes."""

    __tablename__ = "near_duplicates"

    source_key: Mapped[int] = mapped_column(sa.ForeignKey("sources.source_key"), primary_key=True)
    kept_key: Mapped[int] = mapped_column(sa.ForeignKey("sources.source_key"), primary_key=True, index=True)
    start_s: Mapped[float] = mapped_column(primary_key=True)
    kept_start_s: Mapped[float] = mapped_column(primary_key=True)
    end_s: Mapped[float]
    is_copy: Mapped[bool]  # else only the video agrees


class RunLatents(Base):
    """The latents that a run was trained on: `runs.latents` in rows, to be found by their sha256."""

    __tablename__ = "run_latents"

    run_id: Mapped[str] = mapped_column(sa.ForeignKey("runs.run_id"), primary_key=True)
    geometry: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(index=True)
