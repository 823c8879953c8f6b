"""The registry's tables: what happened, hash-linked from footage to served clip.

datasets ← runs ← checkpoints ← evaluations are a record of manifests: `mova_core.registry.sync` makes the same rows
again from the folders, so they carry no time of writing. `footage_tables` holds which footage is in the datasets.
artifacts, aliases, promotions, the tables of jobs and those of the arena exist only here.
Times are seconds since 1970 (UTC); sha256 are 64 hex digits; paths are relative to the project's folder, posix.
A change here needs a new file in migrations/versions (a test compares the two).
"""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from mova_core.registry.database import footage_tables, key_tables, takedown_table  # noqa: F401  # `Base.metadata` knows all tables
from mova_core.registry.database.base import Base, Json

JOB_STATUSES = ("queued", "in_progress", "completed", "failed", "cancelled")
PROMOTION_OUTCOMES = ("promoted", "kept")
ARTIFACT_KINDS = ("model", "package")
ARENA_JUDGES = ("human", "model")
LATENTS = "latents/"  # start of the name of a dataset that is latents, before their geometry


class Dataset(Base):
    """One version of a table of curation, or of the latents at one geometry (its sha256 is that of their index)."""

    __tablename__ = "datasets"

    name: Mapped[str] = mapped_column(primary_key=True)  # `clips`, `rejects/cut`, `latents/nano-48`
    sha256: Mapped[str] = mapped_column(primary_key=True)
    path: Mapped[str]
    rows: Mapped[int] = mapped_column(sa.BigInteger)
    bytes: Mapped[int] = mapped_column(sa.BigInteger)
    inputs: Mapped[Json]  # name -> sha256 of a table, or a fingerprint
    files: Mapped[Json | None]  # latents: shard -> bytes and sha256


class Run(Base):
    """One training run of one phase."""

    __tablename__ = "runs"

    run_id: Mapped[str] = mapped_column(primary_key=True)
    phase: Mapped[str]
    params: Mapped[Json]
    code: Mapped[str]
    latents: Mapped[Json]  # geometry -> sha256 of the index
    # No foreign key: it may come from elsewhere, such as a released model.
    start_checkpoint: Mapped[str | None] = mapped_column(index=True)
    path: Mapped[str]
    manifest_sha256: Mapped[str]


class Checkpoint(Base):
    """Weights, named by the first 16 hex digits of their manifest's sha256."""

    __tablename__ = "checkpoints"

    checkpoint_id: Mapped[str] = mapped_column(primary_key=True)
    # Null: its run is not here.
    run_id: Mapped[str | None] = mapped_column(sa.ForeignKey("runs.run_id"), index=True)
    phase: Mapped[str]
    step: Mapped[int | None]
    path: Mapped[str | None]
    manifest_sha256: Mapped[str | None]
    model_path: Mapped[str | None]  # the folder it is exported to, if it is the selected one there
    selection: Mapped[Json | None]  # selection.json, if it was ever selected


class Evaluation(Base):
    """One metrics.json, named by its sha256."""

    __tablename__ = "evaluations"

    evaluation_id: Mapped[str] = mapped_column(primary_key=True)
    checkpoint_id: Mapped[str] = mapped_column(sa.ForeignKey("checkpoints.checkpoint_id"), index=True)
    phase: Mapped[str]
    suite: Mapped[Json]  # name, seeds, clips, sha256
    metrics: Mapped[Json]
    path: Mapped[str]


class Artifact(Base):
    """A folder that is kept for good: a promoted model, or a package of one (see `mova_core.registry.artifacts`)."""

    __tablename__ = "artifacts"
    __table_args__ = (sa.CheckConstraint(f"kind IN {ARTIFACT_KINDS}", name="kind"),)

    artifact_id: Mapped[str] = mapped_column(primary_key=True)  # sha256 of its manifest
    kind: Mapped[str]
    checkpoint_id: Mapped[str] = mapped_column(sa.ForeignKey("checkpoints.checkpoint_id"), index=True)
    path: Mapped[str]
    bytes: Mapped[int] = mapped_column(sa.BigInteger)
    kept_at: Mapped[float]  # for people
    # Counted up whenever one is recorded: the last of a checkpoint is the one in use.
    sequence: Mapped[int] = mapped_column(server_default=sa.text("0"))


class Alias(Base):
    """A name that moves: `production`, `phase1/champion`. Only `mova_core.registry.aliases` writes here."""

    __tablename__ = "aliases"

    name: Mapped[str] = mapped_column(primary_key=True)
    checkpoint_id: Mapped[str] = mapped_column(sa.ForeignKey("checkpoints.checkpoint_id"), index=True)
    moved_at: Mapped[float]


class Promotion(Base):
    """One decision about an alias. Append-only by triggers; each row holds the hash of the one before."""

    __tablename__ = "promotions"
    __table_args__ = (sa.CheckConstraint(f"outcome IN {PROMOTION_OUTCOMES}", name="outcome"),)

    event_id: Mapped[int] = mapped_column(primary_key=True)
    alias: Mapped[str]
    outcome: Mapped[str]
    # The candidate.
    checkpoint_id: Mapped[str] = mapped_column(sa.ForeignKey("checkpoints.checkpoint_id"), index=True)
    champion_id: Mapped[str | None]  # who held the alias before
    reason: Mapped[str]
    evidence: Mapped[Json]
    created_at: Mapped[float]
    previous_hash: Mapped[str] = mapped_column(unique=True)  # unique: the chain cannot fork
    hash: Mapped[str] = mapped_column(unique=True)


class Job(Base):
    """One clip asked of the service; the queue outlives the processes that work on it."""

    __tablename__ = "jobs"
    __table_args__ = (
        sa.CheckConstraint(f"status IN {JOB_STATUSES}", name="status"),
        sa.CheckConstraint("progress BETWEEN 0 AND 100", name="progress"),
        sa.Index("ix_jobs_status", "status", "created_at"),
        sa.Index("ix_jobs_owner", "owner", "idempotency_key", unique=True),
    )

    job_id: Mapped[str] = mapped_column(primary_key=True)
    status: Mapped[str]
    request: Mapped[Json]
    progress: Mapped[int]  # percent
    created_at: Mapped[float]
    claimed_at: Mapped[float | None]
    attempts: Mapped[int] = mapped_column(server_default=sa.text("0"))  # claims that no worker brought to an end
    finished_at: Mapped[float | None] = mapped_column(index=True)  # it is kept for `serve.keep_s` from then on
    worker: Mapped[str | None]
    lease_until: Mapped[float | None]  # past it, the worker is taken for dead and another may claim the job
    error: Mapped[str | None]  # for who runs the service; clients are told the sentence of `error_code`
    error_code: Mapped[str | None]
    result_path: Mapped[str | None]
    result_sha256: Mapped[str | None] = mapped_column(index=True)
    checkpoint_id: Mapped[str | None] = mapped_column(index=True)  # no foreign key: a service may run anywhere
    bento: Mapped[str | None]  # tag of the Bento that made the clip
    outcome: Mapped[Json | None]  # tries: seeds and their faults; warnings: what to tell of the finished clip
    smoke: Mapped[bool] = mapped_column(server_default=sa.false())  # asked by `mova deploy`: in no list
    source_id: Mapped[str | None]  # the job whose clip it goes on from, or whose request it repeats
    idempotency_key: Mapped[str | None]  # sent again by its owner, it is the same job
    request_sha256: Mapped[str | None]  # of what was sent with that key
    owner: Mapped[str] = mapped_column(server_default=sa.text("''"))  # of the API key; empty: asked without one


class JobInput(Base):
    """A file that a job is made from, kept in the store by its content until no job names it."""

    __tablename__ = "job_inputs"

    job_id: Mapped[str] = mapped_column(sa.ForeignKey("jobs.job_id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)  # field of `ClipInputs`, such as `image`
    sha256: Mapped[str] = mapped_column(index=True)


class JobPreview(Base):
    """What a running job's clip looks like so far."""

    __tablename__ = "job_previews"

    job_id: Mapped[str] = mapped_column(sa.ForeignKey("jobs.job_id", ondelete="CASCADE"), primary_key=True)
    progress: Mapped[int]  # percent, as of its image
    jpeg: Mapped[bytes]


class WebhookMessage(Base):
    """What is to be told of a job at the address that its request named; kept until it was, or for as long as tried."""

    __tablename__ = "webhook_messages"

    message_id: Mapped[str] = mapped_column(primary_key=True)
    url: Mapped[str]
    payload: Mapped[str]  # JSON, as it is signed and sent
    attempts: Mapped[int]
    next_at: Mapped[float] = mapped_column(index=True)  # when it is sent, or sent again


class ArenaClip(Base):
    """A clip of the arena: what one contender made of a prompt; clips of one prompt and take are compared."""

    __tablename__ = "arena_clips"
    __table_args__ = (sa.UniqueConstraint("contender", "prompt_id", "take"),)

    clip_id: Mapped[int] = mapped_column(primary_key=True)
    contender: Mapped[str]  # a checkpoint id or any other name
    prompt_id: Mapped[str]  # first digits of the prompt's sha256: prompts can be too long for an index
    prompt: Mapped[str]
    take: Mapped[int]  # counts a contender's clips of one prompt from 0
    path: Mapped[str]
    sha256: Mapped[str]  # of the file at `path`, which says nothing of who made it
    source_sha256: Mapped[str]  # of the file that was added
    added_at: Mapped[float]


class ArenaBallot(Base):
    """Two clips shown to one session, and the vote once it is cast; at most one for a pair and session."""

    __tablename__ = "arena_ballots"
    __table_args__ = (
        sa.UniqueConstraint("session", "pair"),
        sa.CheckConstraint(f"judge IN {ARENA_JUDGES}", name="judge"),
        sa.CheckConstraint("clip_a <> clip_b", name="clips"),
    )

    ballot_id: Mapped[str] = mapped_column(primary_key=True)
    judge: Mapped[str]
    session: Mapped[str]  # sha256 of a browser's cookie, or the name of a model
    pair: Mapped[str] = mapped_column(index=True)  # both clip ids, the lower first: the same whoever stands at side A
    clip_a: Mapped[int] = mapped_column(sa.ForeignKey("arena_clips.clip_id"))
    clip_b: Mapped[int] = mapped_column(sa.ForeignKey("arena_clips.clip_id"))
    issued_at: Mapped[float]
    voted_at: Mapped[float | None]
    choices: Mapped[Json | None]  # dimension -> `a`, `tie` or `b`
