"""Writes a bundle: a checkpoint's model folder and the rows that explain it, signed."""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mova_core.errors import UsageError
from mova_core.registry.bundle.archive import write_archive
from mova_core.registry.bundle.footage import collect_footage
from mova_core.registry.bundle.rows import collect_rows
from mova_core.registry.bundle.statement import FOOTAGE_FILE, MODEL_FOLDER, ROWS_FILE, Statement, read_statement
from mova_core.registry.database.connection import reading
from mova_core.registry.manifests import SELECTION_FILE, FileList
from mova_core.registry.references import find_checkpoint, folder_of
from mova_core.storage.atomic import atomic_path
from mova_core.storage.manifest import FileEntry, file_entry, read_manifest, verify


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle that was written.

    Args:
        checkpoint_id: whose it is.
        files: how many it holds.
        rows: of the registry.
        bytes: of the whole file.
    """

    checkpoint_id: str
    files: int
    rows: int
    bytes: int


def export_bundle(
    engine: sa.Engine, reference: str, target: Path, key: Ed25519PrivateKey, root: Path = Path()
) -> Bundle:
    """Write one checkpoint, every file verified, as a file that another installation can import.

    Args:
        engine: the registry.
        reference: alias, id or model folder of a selected checkpoint.
        target: the file to write.
        key: signs it.
        root: the project's folder.

    Raises:
        UsageError: the reference names nothing, or `target` is there.
        StaleError: a file was altered, or the weights are not on this machine.
    """
    if target.exists():
        raise UsageError(f"{target} is there already: choose another name, or remove it first")
    with reading(engine) as session:
        checkpoint = find_checkpoint(session, reference, root)
        folder = folder_of(session, checkpoint, root)
        rows = collect_rows(session, checkpoint)
        footage = collect_footage(session, rows)
    listed, _ = read_manifest(folder / SELECTION_FILE, FileList)
    verify(folder, listed.files, "bring it back with `dvc checkout`, or promote it again", unlisted=None)
    with tempfile.TemporaryDirectory(prefix="mova-export-") as temporary:
        paths = {f"{MODEL_FOLDER}/{name}": folder / name for name in (*listed.files, SELECTION_FILE)}
        for name, values in ((ROWS_FILE, rows), (FOOTAGE_FILE, footage)):
            paths[name] = Path(temporary) / name
            paths[name].write_text(json.dumps(values, sort_keys=True), encoding="utf-8")
        files = {name: file_entry(path) for name, path in sorted(paths.items())}
        statement = _statement(listed.checkpoint_id, files, target)
        with atomic_path(target) as made:
            blobs = {files[name].sha256: path for name, path in paths.items()}
            write_archive(made, statement, key.sign(statement), blobs)
    return Bundle(listed.checkpoint_id, len(files), sum(map(len, rows.values())), target.stat().st_size)


def _statement(checkpoint_id: str, files: dict[str, FileEntry], target: Path) -> bytes:
    """The bytes of a statement that a reader takes."""
    values = {"schema": Statement.SCHEMA, "checkpoint_id": checkpoint_id, "files": files}
    content = json.dumps(values, sort_keys=True, default=FileEntry.model_dump).encode()
    read_statement(content, str(target))
    return content
