"""What a bundle states and its sender signs: the checkpoint, and size and sha256 of every file.

    statement.json     this statement, signed byte for byte
    statement.sig      its Ed25519 signature, 64 bytes
    blobs/SHA256 …     each file's content once, by sha256

Everything that a reader uses of a bundle is in the statement or listed there: the model folder as `model/…`, the rows
of its lineage with its evaluations as `rows.json`, and which footage it was trained on as `footage.json`.
"""

import json
from pathlib import PurePosixPath
from typing import ClassVar

from mova_core.errors import StaleError, first_fault
from mova_core.registry.artifact_files import OF_A_MODEL
from mova_core.registry.manifests import CheckpointId, FileList
from mova_core.storage.manifest import FileEntry

STATEMENT_FILE, SIGNATURE_FILE, BLOBS = "statement.json", "statement.sig", "blobs"
MODEL_FOLDER, ROWS_FILE, FOOTAGE_FILE = "model", "rows.json", "footage.json"
STATEMENT_BYTES = 16 << 20  # at most: some 100 000 files


class Statement(FileList):
    """The statement of a bundle."""

    SCHEMA: ClassVar = "mova-bundle/1"
    checkpoint_id: CheckpointId

    def blobs(self) -> dict[str, int]:
        """Size of every content by its sha256, in the order of the archive.

        Raises:
            StaleError: the same sha256 is listed with two sizes.
        """
        sizes: dict[str, int] = {}
        for name, entry in self.files.items():
            if sizes.setdefault(entry.sha256, entry.bytes) != entry.bytes:
                raise StaleError(f"{name} has the sha256 of another file but not its size: export the bundle again")
        return dict(sorted(sizes.items()))

    def model_files(self) -> dict[str, FileEntry]:
        """Those of the model folder, by path in it."""
        inside = f"{MODEL_FOLDER}/"
        return {name.removeprefix(inside): entry for name, entry in self.files.items() if name.startswith(inside)}


def read_statement(content: bytes, what: str) -> Statement:
    """Parse a statement whose signature was checked.

    Args:
        content: its bytes.
        what: how the bundle is called in messages.

    Raises:
        StaleError: it is of another version, a path leads out of its folder, or a file is of a kind that no model has.
    """
    try:
        values = json.loads(content)
        if not isinstance(values, dict) or (got := values.get("schema")) != Statement.SCHEMA:
            raise ValueError(f"schema {got if isinstance(values, dict) else None!r}, expected {Statement.SCHEMA!r}")
        statement = Statement.model_validate(values)
    except (ValueError, RecursionError) as error:
        raise _refused(what, first_fault(error)) from None
    for name in statement.files:
        if name in (ROWS_FILE, FOOTAGE_FILE):
            continue
        if PurePosixPath(name).suffix.lower() not in OF_A_MODEL or not name.startswith(f"{MODEL_FOLDER}/"):
            raise _refused(what, f"it lists {name}, expected {MODEL_FOLDER}/… with one of {', '.join(OF_A_MODEL)}")
    for name in (ROWS_FILE, FOOTAGE_FILE):
        if name not in statement.files:
            raise _refused(what, f"it lists no {name}")
    return statement


def _refused(what: str, fault: str) -> StaleError:
    return StaleError(f"{what} cannot be taken ({fault}): export it again with this version of the project")
