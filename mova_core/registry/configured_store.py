"""Section `registry` of a project's params.yaml, and the artifact store that it names."""

from pathlib import Path

from mova_core.params import RegistryParams, load_params
from mova_core.places import PARAMS
from mova_core.storage.artifact_store.base import ArtifactStore
from mova_core.storage.artifact_store.open import open_artifact_store


def registry_params(root: Path = Path()) -> RegistryParams:
    """Section `registry` of a project; of a folder without a params.yaml the defaults.

    Raises:
        UsageError: params.yaml cannot be read.
    """
    path = root / PARAMS
    return load_params(path).registry if path.is_file() else RegistryParams()


def configured_store(root: Path = Path()) -> ArtifactStore:
    """The store of that section.

    Args:
        root: the project's folder.

    Raises:
        UsageError: params.yaml cannot be read, or names a bucket without keys for it.
    """
    params = registry_params(root)
    return open_artifact_store(params.store, root, params.encryption)
