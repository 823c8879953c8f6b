"""What a person may call a file of the footage: its id, its path inside the footage, or the file itself."""

import re
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mova_core.errors import UsageError
from mova_core.places import DataFolder
from mova_core.registry.database.footage_tables import Source, SourcePath
from mova_core.storage.hashing import sha256_file

SOURCE_ID = re.compile(r"[0-9a-f]{64}")
ID_PREFIX = re.compile(r"[0-9a-f]{8,63}")


def find_source(session: Session, reference: str, root: Path = Path()) -> str:
    """The source_id that a reference names; of a file the sha256 of its bytes, recorded or not.

    Args:
        session: any session of the registry.
        reference: source_id (or at least 8 digits of one that is recorded), path inside the footage, or a file.
        root: folder that a file's path is relative to.

    Raises:
        UsageError: nothing of that name is known, or the path named several files over time.
    """
    if (root / reference).is_file():
        return sha256_file(root / reference)
    if SOURCE_ID.fullmatch(reference):
        return reference
    named = sa.select(Source.source_id).join(SourcePath, SourcePath.source_key == Source.source_key)
    ids = list(session.scalars(named.where(SourcePath.path == reference).order_by(Source.source_id)))
    if not ids and ID_PREFIX.fullmatch(reference):
        starts = Source.source_id.startswith(reference)
        ids = list(session.scalars(sa.select(Source.source_id).where(starts).order_by(Source.source_id)))
    if len(ids) > 1:
        raise UsageError(f"{reference} names {len(ids)} files, by id {', '.join(ids)}: give the id of the one you mean")
    if not ids:
        raise UsageError(
            f"{reference!r} is no file, no source_id and no path of a recorded version of the footage: run "
            f"`mova registry sync`, or name a row of {DataFolder().table('sources')}"
        )
    return ids[0]


def paths_of(session: Session, source_id: str) -> list[str]:
    """Paths inside the footage that a source was ever found at."""
    query = sa.select(SourcePath.path).join(Source, Source.source_key == SourcePath.source_key)
    return list(session.scalars(query.where(Source.source_id == source_id).order_by(SourcePath.path)))
