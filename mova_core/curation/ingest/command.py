"""`mova ingest`: look at every file of the footage, one row each."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mova_core.options import Data, EngineName, ParamsFile, Workers
from mova_core.places import DATA, PARAMS, RESULT_CACHE, SOURCES_LOCK, DataFolder


def ingest(
    params: ParamsFile = PARAMS,
    engine: EngineName = "local",
    workers: Workers = 0,
    data: Data = DATA,
    lock: Annotated[
        str | None,
        typer.Option(
            "--lock",
            help="Only write sources.lock (path, size, sha256) of this outside folder, .txt list or s3://BUCKET/PREFIX.",
        ),
    ] = None,
) -> dict[str, Any]:
    """Look at every file of the footage (params ingest.footage) and write data/sources.parquet.

    Footage is a folder under DVC, or stays outside (a folder, a .txt list of paths, a bucket): lock it once, and set
    ingest.footage to data/sources.lock. A file that is no longer what was locked is rejected; lock again to take in
    what changed.

    Example: mova ingest --workers 2

    Example: mova ingest --lock ~/footage

    Example: mova ingest --lock s3://footage/2026
    """
    from mova_core.curation.engine.base import Engine
    from mova_core.curation.ingest.differences import skipped_line
    from mova_core.curation.ingest.lock import lock_footage
    from mova_core.curation.ingest.stage import ingest as run_ingest
    from mova_core.params import load_params

    if lock is not None:
        target = data / SOURCES_LOCK.name
        locked = lock_footage(lock, target)
        text = f"locked {locked.files} files of {lock} in {target}; "
        text += f"set `ingest.footage: {target}` in params.yaml to use it"
        text += locked.differs.lines("the last lock") + skipped_line(locked.hidden)
        return {"files": locked.files, **locked.differs.lists(), "lock": str(target), "text": text}
    values = load_params(params)
    return run_ingest(
        values, Path(values.ingest.footage), DataFolder(data), Engine.choose(engine, workers), RESULT_CACHE
    )
