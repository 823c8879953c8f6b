"""The package that `mova deploy` serves: of the checkpoint that an alias names, kept in `.mova/artifacts/`."""

import tempfile
from pathlib import Path

import sqlalchemy as sa

from mova_core.errors import StaleError
from mova_core.places import BENTO
from mova_core.registry.aliases import aliased_checkpoint
from mova_core.registry.artifacts import PACKAGE, kept_folder, record_artifact, store_artifact
from mova_core.registry.database.connection import reading, writing
from mova_core.registry.database.tables import Checkpoint
from mova_core.registry.manifests import REFERENCE_FILE
from mova_core.registry.references import folder_of
from services.packaging.model_manifest import verify_packaged
from services.packaging.package import Reference, package, source_folder


def promoted_package(engine: sa.Engine, alias: str, root: Path, dist: Path | None = None) -> Path:
    """The kept folder of a package of the promoted checkpoint, every file of its model verified.

    Args:
        engine: the registry.
        alias: what names the checkpoint.
        root: the project's folder.
        dist: the package to take. None takes the one in dist/bento if it is of that checkpoint, else the one that was
            kept last, else builds one from the kept model.

    Raises:
        UsageError: no such alias, or `dist` is no package.
        StaleError: `dist` is of another checkpoint, a file was altered, or the weights are not on this machine.
        MovaError: BentoML cannot build it.
    """
    with reading(engine) as session:
        checkpoint_id = aliased_checkpoint(session, alias)
        checkpoint = session.get_one(Checkpoint, checkpoint_id)
        if dist is not None:
            _check_is_of(checkpoint_id, dist, alias)
        elif _holds(root / BENTO, checkpoint_id):
            dist = root / BENTO
        elif (kept := kept_folder(session, PACKAGE, checkpoint_id, root)) is not None:
            verify_packaged(source_folder(kept))
            return kept
        else:
            model = folder_of(session, checkpoint, root)
    if dist is not None:
        verify_packaged(source_folder(dist))
        return _keep(engine, dist, root)
    with tempfile.TemporaryDirectory(prefix="mova-deploy-") as temporary:
        package(model, Path(temporary) / "bento")
        return _keep(engine, Path(temporary) / "bento", root)


def _check_is_of(checkpoint_id: str, dist: Path, alias: str) -> None:
    held = Reference.read(dist).checkpoint_id
    if held != checkpoint_id:
        raise StaleError(
            f"alias {alias!r} names checkpoint {checkpoint_id}, the package in {dist} holds {held}: leave out --dist "
            "to serve the promoted one, or promote the packaged one"
        )


def _holds(dist: Path, checkpoint_id: str) -> bool:
    return (dist / REFERENCE_FILE).is_file() and Reference.read(dist).checkpoint_id == checkpoint_id


def _keep(engine: sa.Engine, dist: Path, root: Path) -> Path:
    stored = store_artifact(PACKAGE, dist, root)
    with writing(engine) as session:
        record_artifact(session, stored, root)
    return root / stored.path
