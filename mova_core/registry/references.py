"""What a person may call a checkpoint: an alias, its id, or the model folder that holds it."""

import os
import re
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mova_core.errors import StaleError, UsageError
from mova_core.places import MODELS
from mova_core.registry.aliases import CHECKPOINT_ID, get_alias
from mova_core.registry.artifacts import MODEL, kept_folder
from mova_core.registry.database.connection import opened_database, reading
from mova_core.registry.database.tables import Alias, Checkpoint
from mova_core.registry.manifests import SELECTION_FILE, Selection
from mova_core.storage.manifest import read_manifest

ID_PREFIX = re.compile(r"[0-9a-f]{6,15}")


def find_checkpoint(session: Session, reference: str, root: Path = Path()) -> Checkpoint:
    """The checkpoint that a reference names.

    Args:
        session: any session.
        reference: alias, checkpoint id (or at least 6 digits of it), or a model folder with its selection.json.
        root: folder that a model folder's path is relative to.

    Raises:
        UsageError: nothing of that name is known.
        StaleError: the folder's selection.json cannot be read.
    """
    checkpoint_id = get_alias(session, reference)
    if checkpoint_id is None and os.path.isfile(root / reference / SELECTION_FILE):
        checkpoint_id = read_manifest(root / reference / SELECTION_FILE, Selection)[0].checkpoint_id
    if checkpoint_id is None and ID_PREFIX.fullmatch(reference):
        checkpoint_id = _id_that_starts_with(session, reference)
    if checkpoint_id is None and CHECKPOINT_ID.fullmatch(reference):
        checkpoint_id = reference
    if checkpoint_id is not None and (checkpoint := session.get(Checkpoint, checkpoint_id)) is not None:
        return checkpoint
    if checkpoint_id is not None:
        raise UsageError(f"checkpoint {checkpoint_id} is not in the registry: run `mova registry sync`")
    known = ", ".join(session.scalars(sa.select(Alias.name).order_by(Alias.name))) or "none yet"
    raise UsageError(
        f"{reference!r} is no alias (known: {known}), no checkpoint id, and no model folder with a {SELECTION_FILE}: "
        "`mova registry list checkpoints` shows what there is"
    )


def model_folder(reference: str, root: Path = Path()) -> Path:
    """The model folder behind an alias or checkpoint id of the registry in force.

    Raises:
        UsageError: unknown.
        StaleError: its weights are not on this machine.
    """
    with opened_database() as engine, reading(engine) as session:
        return folder_of(session, find_checkpoint(session, reference, root), root)


def folder_of(session: Session, checkpoint: Checkpoint, root: Path, *, exported_first: bool = False) -> Path:
    """The model folder of a checkpoint: the one that was kept when it was promoted, fetched from the artifact store if
    need be, else the one in models/.

    Args:
        session: any session.
        checkpoint: its row.
        root: the project's folder.
        exported_first: take the one in models/ where there are both.

    Raises:
        StaleError: its weights are not on this machine.
    """
    checkpoint_id, holds = checkpoint.checkpoint_id, None
    folder = root / (checkpoint.model_path or MODELS / checkpoint.phase)
    if (folder / SELECTION_FILE).is_file():
        holds = read_manifest(folder / SELECTION_FILE, Selection)[0].checkpoint_id
    kept = kept_folder(session, MODEL, checkpoint_id, root)
    if holds == checkpoint_id and (exported_first or kept is None):
        return folder
    if kept is not None:
        return kept
    present = f"{folder} holds {holds}" if holds else f"{folder} is not there"
    raise StaleError(
        f"the weights of checkpoint {checkpoint_id} are not on this machine: the artifact store (registry.store in "
        f"params.yaml) keeps no copy, and {present}; bring back the dvc.lock of its training with git and run "
        "`dvc checkout models`, or promote it again where they are"
    )


def _id_that_starts_with(session: Session, prefix: str) -> str | None:
    ids = list(session.scalars(sa.select(Checkpoint.checkpoint_id).where(Checkpoint.checkpoint_id.startswith(prefix))))
    if len(ids) > 1:
        raise UsageError(f"{prefix!r} is the start of {len(ids)} checkpoint ids: give more digits")
    return ids[0] if ids else None
