"""That sidecars are still those which `ingest` read: captions are made from them later.

Table `sources` names one hash of all of them, so its bytes change whenever one does.
"""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mova_core.curation.ingest.folder_sidecar import folder_sidecar
from mova_core.curation.ingest.footage import Footage
from mova_core.curation.ingest.sidecars import sidecar_bytes
from mova_core.curation.ingest.source_bytes import INGEST_AGAIN
from mova_core.curation.tables import read_table, table_inputs
from mova_core.errors import MediaError, StaleError
from mova_core.storage.hashing import sha256_json

Row = Mapping[str, Any]

INPUT = "sidecars"  # name of the hash among the inputs of table `sources`


def sidecars_hash(sources: Iterable[Row], of_files: Mapping[str, str | None], of_all: str | None) -> str:
    """One hash of all sidecars that state something of footage which is used.

    Args:
        sources: rows of that table; those that are rejected but for a duplicate do not count.
        of_files: sha256 of each file's sidecar by the file's path; None for a file without one.
        of_all: sha256 of the sidecar of the whole footage, None where there is none.
    """
    used = (row["path"] for row in sources if _is_used(row))
    return sha256_json({path: of_files[path] for path in used if of_files[path] is not None}, of_all)


def check_sidecars(sources: Path, footage: Footage, named: str | None) -> None:
    """Whether the sidecars say now what they said when table `sources` was made.

    Args:
        sources: the table's file; one that does not tell is taken as it is.
        footage: where the sidecars lie.
        named: params `ingest.sidecar`.

    Raises:
        StaleError: one was added, changed or removed.
        UsageError: the sidecar of the whole footage is broken.
    """
    told = table_inputs(sources).get(INPUT)
    if told is None:
        return
    rows = [row for row in read_table(sources, "sources") if _is_used(row)]
    of_files = {row["path"]: _sha256(footage, row["path"]) for row in rows}
    if told != sidecars_hash(rows, of_files, folder_sidecar(footage, named).sha256):
        raise StaleError(
            f"a sidecar of the footage is not what it was when `mova ingest` read it for {sources}: {INGEST_AGAIN}"
        )


def _is_used(row: Row) -> bool:
    return row["verdict"] == "accepted" or row["reason_code"] == "duplicate"


def _sha256(footage: Footage, path: str) -> str | None:
    """Of a file's sidecar now."""
    try:
        data = sidecar_bytes(footage.sidecar_path(path))
    except MediaError as error:
        raise StaleError(f"the sidecar of {path} cannot be read again ({error.reason}): {INGEST_AGAIN}") from None
    return None if data is None else hashlib.sha256(data).hexdigest()
