"""The manifest of a packaged model: size and sha256 of every file of its folder, checked before anything is served.

`manifest.json` lies beside `model/` in the Bento: {"schema", "checkpoint_id", "code": sha256 of what else was packaged,
"files": {path in model/: {bytes, sha256}}}. It holds against damage and mix-ups; whoever can write both can alter both.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from mova_core.errors import StaleError, UsageError
from mova_core.model.pretrained.index import read_json
from mova_core.registry.manifests import SELECTION_FILE, checkpoint_id_of, file_entries
from mova_core.storage.atomic import write_text
from mova_core.storage.hashing import sha256_file

MANIFEST_FILE = "manifest.json"
MODEL_FOLDER = "model"
SCHEMA = "bento/1"
BRING_BACK = "bring it back with `dvc checkout`, or fetch it again"


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
    selected = read_json(folder / SELECTION_FILE).get("files", {}) if (folder / SELECTION_FILE).is_file() else {}
    for name, expected in selected.items():
        if not (folder / name).is_file() or _entry(folder / name) != expected:
            raise StaleError(f"{folder / name} is missing or not the file that was selected: {BRING_BACK}")


def write_model_manifest(root: Path) -> Packaged:
    """Describe `root`/model, and in one hash all else in `root`, as it lies there now."""
    folder = root / MODEL_FOLDER
    files = file_entries(folder)
    code = {name: sha256_file(root / name) for name in _names(root) if not name.startswith(f"{MODEL_FOLDER}/")}
    checkpoint_id = checkpoint_id_of(folder)
    values = {"schema": SCHEMA, "checkpoint_id": checkpoint_id, "code": _digest(code), "files": files}
    write_text(root / MANIFEST_FILE, json.dumps(values, indent=1, sort_keys=True) + "\n")
    return _packaged(root, checkpoint_id)


def read_packaged(root: Path) -> Packaged:
    """Read a packaged model's manifest without checking its files.

    Raises:
        UsageError: nothing is packaged there.
        StaleError: the manifest is damaged, or of another version.
    """
    return _packaged(root, _values(root)["checkpoint_id"])


def verify_packaged(root: Path) -> Packaged:
    """Read a packaged model's manifest and compare every file with it, byte for byte.

    Raises:
        UsageError: nothing is packaged there.
        StaleError: names the first file that is missing, altered, or not of the package.
    """
    values, folder = _values(root), root / MODEL_FOLDER
    for name, expected in values["files"].items():
        path = folder / name
        if not path.is_file():
            raise StaleError(f"{path} is missing from the package: run `mova package` again")
        if (got := _entry(path)) != expected:
            raise StaleError(
                f"{path} is not the file that was packaged (got sha256 {got['sha256'][:16]} and {got['bytes']} bytes, "
                f"expected {expected['sha256'][:16]} and {expected['bytes']}): run `mova package` again"
            )
    extra = sorted(set(_names(folder)) - values["files"].keys())
    if extra:
        raise StaleError(f"{folder / extra[0]} is not part of the package: remove it, or run `mova package` again")
    return _packaged(root, values["checkpoint_id"])


def _values(root: Path) -> dict[str, Any]:
    if not (root / MANIFEST_FILE).is_file():
        raise UsageError(f"{root} holds no packaged model ({MANIFEST_FILE} is missing): run `mova package`")
    values = read_json(root / MANIFEST_FILE)
    if values.get("schema") != SCHEMA:
        raise StaleError(
            f"{root / MANIFEST_FILE} has schema {values.get('schema')!r}, expected {SCHEMA}: package again"
        )
    return values


def _packaged(root: Path, checkpoint_id: str) -> Packaged:
    return Packaged(root / MODEL_FOLDER, checkpoint_id, sha256_file(root / MANIFEST_FILE))


def _digest(values: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _entry(path: Path) -> dict[str, Any]:
    return {"bytes": path.stat().st_size, "sha256": sha256_file(path)}


def _names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
