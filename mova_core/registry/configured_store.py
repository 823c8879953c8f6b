"""The artifact store of a project, as its params.yaml names it."""

from pathlib import Path

from mova_core.params import RegistryParams, load_params
from mova_core.places import PARAMS
from mova_core.storage.artifact_store.base import ArtifactStore
from mova_core.storage.artifact_store.open import open_artifact_store


def configured_store(root: Path = Path()) -> ArtifactStore:
    """The store of section `registry`; of a folder without a params.yaml the one of the defaults.

    Args:
        root: the project's folder.

    Raises:
        UsageError: params.yaml cannot be read, or names a bucket without keys for it.
    """
    path = root / PARAMS
    params = load_params(path).registry if path.is_file() else RegistryParams()
    return open_artifact_store(params.store, root, params.encryption)
