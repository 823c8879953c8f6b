"""Garbage collection: all that may go from a project and its artifact store, and removing it.

Never what an alias, a deployment, a clip of the service or the last `registry.keep_last` checkpoints lead to.
"""

import json
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mova_core.places import DEPLOYMENT
from mova_core.progress import track
from mova_core.registry.artifacts import LOCK
from mova_core.registry.configured_store import registry_params
from mova_core.registry.database.connection import only_one, reading, writing
from mova_core.registry.database.tables import Checkpoint
from mova_core.registry.garbage.artifacts import Needed, artifact_garbage
from mova_core.registry.garbage.garbage import Garbage
from mova_core.registry.garbage.project import project_garbage
from mova_core.registry.garbage.reachable import needed_checkpoints


def find_garbage(root: Path, engine: sa.Engine) -> list[Garbage]:
    """All that may go; nothing is removed.

    Args:
        root: the project's folder.
        engine: its registry, in step with the folders (`sync`).
    """
    with reading(engine) as session:
        needed = _needed(session, root)
    return [*project_garbage(root, needed.checkpoints), *artifact_garbage(root, needed)]


def remove_garbage(root: Path, engine: sa.Engine) -> list[Garbage]:
    """Find and remove it; killed anywhere, another call goes on.

    Artifacts are found and removed under the lock that recording one takes: whoever records one afterwards looks
    whether all of it is still there (`record_artifact`).
    """
    with writing(engine) as session:
        only_one(session, LOCK)
        needed = _needed(session, root)
        artifacts = list(artifact_garbage(root, needed))
        _remove(artifacts)
    found = list(project_garbage(root, needed.checkpoints))
    _remove(found)
    return [*found, *artifacts]


def _needed(session: Session, root: Path) -> Needed:
    deployment = root / DEPLOYMENT
    deployed = [json.loads(deployment.read_text(encoding="utf-8"))["checkpoint_id"]] if deployment.is_file() else []
    checkpoints = needed_checkpoints(session, registry_params(root).keep_last, deployed)
    return Needed(checkpoints, set(session.scalars(sa.select(Checkpoint.checkpoint_id))))


def _remove(found: list[Garbage]) -> None:
    for each in track(found, len(found), "gc"):
        each.remove()
