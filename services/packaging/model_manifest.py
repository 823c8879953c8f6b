"""The manifest of a packaged model: size and sha256 of every file of its folder, checked before anything is served.

`manifest.json` lies beside `model/` in the Bento: {"schema", "checkpoint_id", "code": sha256 of what else was packaged,
"files": {path in model/: {bytes, sha256}}}.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from safetensors import SafetensorError, safe_open

from mova_core.errors import StaleError, UsageError
from mova_core.registry.manifests import FileList, check_selected, checkpoint_id_of
from mova_core.storage.hashing import sha256_file, sha256_json
from mova_core.storage.manifest import (
    MANIFEST_FILE,
    Files,
    file_entries,
    file_names,
    read_manifest,
    verify,
    write_manifest,
)

MODEL_FOLDER = "model"
BRING_BACK = "bring it back with `dvc checkout`, or fetch it again"


class PackageManifest(FileList):
    """What stands in the manifest of a packaged model."""

    SCHEMA: ClassVar = "bento/1"
    code: str


@dataclass(frozen=True, slots=True)
class Packaged:
    """A model that was checked.

    Args:
        folder: its model folder.
        checkpoint_id: the weights in it.
        sha256: of the manifest.
    """

    folder: Path
    checkpoint_id: str
    sha256: str


def check_whole(folder: Path) -> None:
    """Refuse a model folder with damaged weights, or with other files than its selection.json lists.

    Raises:
        StaleError: names the first such file.
    """
    for path in sorted(folder.rglob("*.safetensors")):
        try:
            with safe_open(path, framework="numpy"):
                pass
        except (SafetensorError, OSError) as error:
            raise StaleError(f"{path} is not a readable safetensors file ({error}): {BRING_BACK}") from None
    check_selected(folder, BRING_BACK)


def write_model_manifest(root: Path) -> Packaged:
    """Describe `root`/model, and in one hash all else in `root`, as it lies there now."""
    model = root / MODEL_FOLDER
    code = {name: sha256_file(root / name) for name in file_names(root) if not name.startswith(f"{MODEL_FOLDER}/")}
    manifest = PackageManifest(checkpoint_id=checkpoint_id_of(model), code=sha256_json(code), files=file_entries(model))
    write_manifest(root / MANIFEST_FILE, manifest)
    return read_packaged(root)


def read_packaged(root: Path) -> Packaged:
    """Read a packaged model's manifest without checking its files.

    Raises:
        UsageError: nothing is packaged there.
        StaleError: the manifest is damaged, or of another version.
    """
    return _read(root)[0]


def verify_packaged(root: Path) -> Packaged:
    """Read a packaged model's manifest and compare every file with it, byte for byte.

    Raises:
        UsageError: nothing is packaged there.
        StaleError: names the first file that is missing, altered, or not of the package.
    """
    packaged, files = _read(root)
    verify(packaged.folder, files, "run `mova package` again")
    return packaged


def _read(root: Path) -> tuple[Packaged, Files]:
    if not (root / MANIFEST_FILE).is_file():
        raise UsageError(f"{root} holds no packaged model ({MANIFEST_FILE} is missing): run `mova package`")
    manifest, sha256 = read_manifest(root / MANIFEST_FILE, PackageManifest, "run `mova package` again")
    return Packaged(root / MODEL_FOLDER, manifest.checkpoint_id, sha256), manifest.files
