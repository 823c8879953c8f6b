"""Takes a bundle in: first all of it is checked, then its model is kept, then its rows are recorded at once."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from mova_core.errors import DiskFull, StaleError
from mova_core.places import PRIVATE
from mova_core.progress import track
from mova_core.registry.artifacts import MODEL, StoredArtifact, record_artifact, store_artifact
from mova_core.registry.bundle.archive import CheckedArchive, check_archive
from mova_core.registry.bundle.footage import read_footage
from mova_core.registry.bundle.rows import read_rows, record_rows
from mova_core.registry.bundle.statement import FOOTAGE_FILE, ROWS_FILE
from mova_core.registry.database.connection import only_one, writing
from mova_core.registry.database.tables import Artifact
from mova_core.registry.footage.record import record_footage
from mova_core.registry.manifests import SELECTION_FILE, Selection
from mova_core.storage.atomic import make_folder
from mova_core.storage.manifest import read_manifest

ROOM_FACTOR = 2  # the files as they are unpacked, and as they are kept


@dataclass(frozen=True, slots=True)
class Imported:
    """What a bundle brought.

    Args:
        checkpoint_id: its checkpoint.
        path: of the model folder that is kept.
        rows: that were not known here; 0 where the bundle was imported before.
    """

    checkpoint_id: str
    path: str
    rows: int


def import_bundle(engine: sa.Engine, bundle: Path, trusted: Ed25519PublicKey, root: Path = Path()) -> Imported:
    """Keep the model of a bundle and record its lineage; no alias is moved, and twice changes nothing.

    Args:
        engine: the registry.
        bundle: the file.
        trusted: whose signature counts.
        root: the project's folder.

    Raises:
        UsageError: there is no such file.
        StaleError: it is not whole, not signed by that key, or contradicts what is recorded here. Nothing is written.
        DiskFull: there is no room for it. Nothing is written.
    """
    archive = check_archive(bundle, trusted)
    rows = read_rows(archive.read(archive.statement.files[ROWS_FILE].sha256), str(bundle))
    footage = read_footage(archive.read(archive.statement.files[FOOTAGE_FILE].sha256), rows, str(bundle))
    if archive.statement.checkpoint_id not in {row["checkpoint_id"] for row in rows["checkpoints"]}:
        raise StaleError(f"{bundle} has no row of checkpoint {archive.statement.checkpoint_id}: export it again")
    make_folder(root / PRIVATE)
    _check_room(archive, root / PRIVATE)
    with tempfile.TemporaryDirectory(prefix=".tmp-import-", dir=root / PRIVATE) as temporary:
        stored = _store(archive, Path(temporary) / "model", root)
    with writing(engine) as session:
        only_one(session, "sync")
        added = record_rows(session, rows, str(bundle))
        for dataset in footage:
            record_footage(session, dataset)
        if session.get(Artifact, stored.artifact_id) is None:
            record_artifact(session, stored, root)
    return Imported(stored.checkpoint_id, stored.path, added)


def _store(archive: CheckedArchive, folder: Path, root: Path) -> StoredArtifact:
    """Unpack the model folder and keep it."""
    files = archive.statement.model_files()
    for name, entry in track(files.items(), len(files), "import"):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        archive.write_to(entry.sha256, target)
    selection, _ = read_manifest(folder / SELECTION_FILE, Selection)
    if selection.checkpoint_id != archive.statement.checkpoint_id:
        raise StaleError(
            f"{archive.path} states checkpoint {archive.statement.checkpoint_id} and holds the model of "
            f"{selection.checkpoint_id}: export it again"
        )
    return store_artifact(MODEL, folder, root)


def _check_room(archive: CheckedArchive, folder: Path) -> None:
    needed = ROOM_FACTOR * sum(archive.statement.blobs().values())
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DiskFull(f"{folder} has {free >> 20} MiB free, {archive.path} needs {needed >> 20} MiB: make room there")
