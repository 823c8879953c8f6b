"""Lineage and alias reads of a large registry: 10^6 clips of 10^4 files, 10^4 runs, on SQLite and on PostgreSQL.

The baseline is one read of a row by its primary key in the same database, in a session of its own like the reads that
are measured; their milliseconds are printed, because a person waits for those.
"""

import os
import pwd
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from benchmarks.measure import Row, in_turn, row
from mova_core.registry.aliases import get_alias
from mova_core.registry.database.bulk import insert_rows
from mova_core.registry.database.connection import open_database, reading, writing
from mova_core.registry.database.footage_tables import (
    ClipSet,
    ClipSetPhase,
    DatasetSource,
    IndexedDataset,
    RunLatents,
    SetClip,
    Source,
    SourcePath,
)
from mova_core.registry.database.tables import Alias, Checkpoint, Dataset, Run
from mova_core.registry.lineage.forward import forward
from mova_core.registry.lineage.lineage import lineage

PHASE = "phase1"
REPEATS = 15
AGAINST = "one row by its primary key"
TARGETS_MS = {"lineage": 50.0, "alias": 2.0}


@dataclass(frozen=True, slots=True)
class Size:
    """Of a registry.

    Args:
        files, clips: files of the footage, and clips of each.
        versions: of the latents, each with as many more files as the last.
        runs: spread over the versions, each with two checkpoints; every second starts from the one before.
    """

    files: int = 10_000
    clips: int = 100
    versions: int = 100
    runs: int = 10_000


def rows() -> list[Row]:
    """Measure both databases; one that is not installed is told and left out."""
    found: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        found += _measured("sqlite", f"sqlite:///{folder}/registry.db")
    with _postgresql() as url:
        if url is None:
            print("registry lineage: no PostgreSQL server here, so it is not measured")
        else:
            found += _measured("postgresql", url)
    return found


def _measured(dialect: str, url: str, size: Size = Size()) -> list[Row]:
    engine = open_database(url)
    fill(engine, size)
    if dialect == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("ANALYZE")
    nowhere = Path(tempfile.gettempdir()) / "no-project"
    old, new = _id(0), _id(size.files - 1)
    reads: dict[str, Callable[[Session], object]] = {
        "lineage_of_clip": lambda session: lineage(session, _clip(size.files - 1, 7), nowhere),
        "lineage_of_checkpoint": lambda session: lineage(session, _checkpoint(size.runs - 1), nowhere),
        "forward_of_newest_file": lambda session: forward(session, [new], nowhere),
        "forward_to_every_run": lambda session: forward(session, [old], nowhere),
        "alias": lambda session: get_alias(session, "production"),
    }
    try:
        return [_row(f"registry.{name}_{dialect}", engine, read) for name, read in reads.items()]
    finally:
        engine.dispose()


def _row(name: str, engine: sa.Engine, read: Callable[[Session], object]) -> Row:
    def asked(what: Callable[[Session], object]) -> Callable[[], None]:
        def ask() -> None:
            with reading(engine) as session:
                what(session)

        return ask

    subject, baseline = asked(read), asked(lambda session: session.get_one(Source, 1))
    subject()
    baseline()
    pairs = in_turn(subject, baseline, REPEATS)
    ms = statistics.median(mine for mine, _ in pairs) * 1000
    limit = TARGETS_MS["alias" if ".alias" in name else "lineage"]
    print(f"{name}: {ms:.2f} ms, wanted below {limit:g} ms")
    return row(name, [mine / other for mine, other in pairs], against=AGAINST, better="lower")


def fill(engine: sa.Engine, size: Size) -> None:
    """Put so many rows into an empty registry."""
    names = ("sources", "segments", "clips", "latents/a")
    before = {"segments": "sources", "clips": "segments", "latents/a": "clips"}
    with writing(engine) as session:
        for version, name in product(range(size.versions), names):
            inputs = {before[name]: _sha(version)} if name in before else {}
            facts = {"path": f"data/{name}", "rows": size.files, "bytes": 1, "inputs": inputs}
            session.add(Dataset(name=name, sha256=_sha(version), **facts))
        session.flush()
        keyed = enumerate(product(range(size.versions), names))
        insert_rows(session, IndexedDataset, ((key, name, _sha(version)) for key, (version, name) in keyed))
        files, clip = range(size.files), ("0" * 64, "w", 0.0, 8.0, "train", PHASE)
        insert_rows(session, Source, ((key, _id(key)) for key in files))
        insert_rows(session, SourcePath, ((key, f"{key:06d}.mp4") for key in files))
        insert_rows(session, ClipSet, ((key, _sha(key), key, size.clips) for key in files))
        insert_rows(session, ClipSetPhase, ((key, PHASE, size.clips) for key in files))
        clips = product(files, range(size.clips))
        insert_rows(session, SetClip, ((_clip(key, number), key, *clip) for key, number in clips))
        insert_rows(session, DatasetSource, _members(size))
        _add_runs(session, size)
        session.add(Alias(name="production", checkpoint_id=_checkpoint(size.runs - 1), moved_at=0.0))


def _members(size: Size) -> Iterator[tuple[int, int, str | None, int | None]]:
    for version in range(size.versions):
        for key in range(size.files * (version + 1) // size.versions):
            yield version * 4, key, f"{key:06d}.mp4", None
            yield version * 4 + 3, key, None, key


def _add_runs(session: Session, size: Size) -> None:
    for run in range(size.runs):
        latents = {"a": _sha(run * size.versions // size.runs)}
        start = _checkpoint(run - 1) if run % 2 else None
        facts = {"phase": PHASE, "params": {}, "code": "c", "path": f"runs/{run}", "manifest_sha256": _sha(run)}
        session.add(Run(run_id=f"run-{run:05d}", latents=latents, start_checkpoint=start, **facts))
    session.flush()
    for run in range(size.runs):
        latents = {"a": _sha(run * size.versions // size.runs)}
        session.add(RunLatents(run_id=f"run-{run:05d}", geometry="a", sha256=latents["a"]))
        for step, id_ in ((1, f"{run:08x}{'f' * 8}"), (2, _checkpoint(run))):
            session.add(Checkpoint(checkpoint_id=id_, run_id=f"run-{run:05d}", phase=PHASE, step=step))
    session.flush()


def _id(key: int) -> str:
    return f"{key:08x}" + "0" * 56


def _sha(number: int) -> str:
    return f"{number:08x}" + "5" * 56


def _clip(key: int, clip: int) -> str:
    return f"{key:08x}{clip:08x}"


def _checkpoint(run: int) -> str:
    return f"{run:016x}"


@contextmanager
def _postgresql() -> Iterator[str | None]:
    """The URL of an empty database on a server of its own, with PostgreSQL's own settings; None if there is none."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not programs:
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="mova-pg-"))  # short: a socket's path has at most 107 bytes
    as_user: list[str] = []
    if os.geteuid() == 0:  # the server refuses to run as root
        user = next(name for name in ("postgres", "nobody") if name in {entry.pw_name for entry in pwd.getpwall()})
        shutil.chown(folder, user)
        as_user = ["runuser", "-u", user, "--"]

    def call(program: str, *arguments: str) -> None:
        command = [*as_user, str(programs[-1].parent / program), *arguments]
        subprocess.run(command, cwd="/", check=True, capture_output=True)

    data = str(folder / "data")
    call("initdb", "-D", data, "-U", "mova", "--auth=trust", "-E", "UTF8", "--locale=C")
    call("pg_ctl", "-D", data, "-o", f"-k {folder} -c listen_addresses=''", "-l", str(folder / "log"), "-w", "start")
    try:
        yield f"postgresql://mova@/postgres?host={folder}"
    finally:
        call("pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder)
