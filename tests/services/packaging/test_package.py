"""A package lists every file of its model, and is the same bytes for the same model."""

import hashlib
import json
import shutil
import socket
from pathlib import Path

import pytest

from mova_core.errors import StaleError, UsageError
from mova_core.media.provenance import read_provenance
from mova_core.places import SMOKE_CLIP
from mova_core.registry.manifests import REFERENCE_FILE
from services.deploying.process import check_startable
from services.packaging.model_manifest import verify_packaged
from services.packaging.package import Reference, package, source_folder
from services.settings import ServiceSettings


@pytest.fixture
def copy(dist: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(dist, tmp_path / "copy"))


def test_every_file_of_the_model_is_in_the_manifest(dist: Path, model_folder: Path) -> None:
    manifest = json.loads((source_folder(dist) / "manifest.json").read_text())
    files = {path.relative_to(model_folder).as_posix(): path for path in model_folder.rglob("*") if path.is_file()}
    assert manifest["files"].keys() == files.keys()
    for name, path in files.items():
        data = path.read_bytes()
        assert manifest["files"][name] == {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def test_the_reference_names_the_smoke_clip_s_bytes(dist: Path) -> None:
    reference = Reference.read(dist)
    assert reference.smoke["sha256"] == hashlib.sha256((dist / SMOKE_CLIP.name).read_bytes()).hexdigest()
    assert reference.tag == f"mova:{reference.manifest_sha256[:16]}"
    provenance = read_provenance(dist / SMOKE_CLIP.name)
    assert provenance is not None and provenance.checkpoint_id == reference.checkpoint_id
    assert provenance.recipe is not None and provenance.recipe.prompt == reference.smoke["request"]["prompt"]


def test_packaging_again_gives_the_same_bytes(dist: Path, model_folder: Path, tmp_path: Path) -> None:
    package(model_folder, tmp_path / "again")
    assert contents(tmp_path / "again") == contents(dist)


def test_dvc_keeps_each_file_s_mode(dist: Path) -> None:
    assert {path.stat().st_mode & 0o777 for path in dist.rglob("*") if path.is_file()} == {0o644}


def test_one_altered_byte_is_refused_by_name(copy: Path, settings: ServiceSettings) -> None:
    weights = sorted(source_folder(copy).glob("model/*/*.safetensors"))
    assert len(weights) >= 6
    for path in weights:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        with pytest.raises(StaleError, match=f"{path.parent.name}/{path.name} has sha256"):
            check_startable(copy, settings)
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    verify_packaged(source_folder(copy))


def test_a_missing_and_an_extra_file_are_refused(copy: Path) -> None:
    model = source_folder(copy) / "model"
    (model / "more.safetensors").write_bytes(b"")
    with pytest.raises(StaleError, match=r"more\.safetensors is not in the manifest"):
        verify_packaged(source_folder(copy))
    (model / "model_index.json").unlink()
    with pytest.raises(StaleError, match=r"model_index\.json is missing"):
        verify_packaged(source_folder(copy))


def test_what_is_no_model_is_refused_and_an_old_package_stays(copy: Path, tmp_path: Path) -> None:
    before = contents(copy)
    with pytest.raises(UsageError, match="is not a model folder"):
        package(tmp_path, copy)
    assert contents(copy) == before


@pytest.mark.parametrize("damage", ["truncated", "altered after its selection", "a pickle"])
def test_a_damaged_model_is_refused_by_name_before_anything_is_built(
    model_folder: Path, tmp_path: Path, damage: str
) -> None:
    model = Path(shutil.copytree(model_folder, tmp_path / "model"))
    path = model / "audio_dit/diffusion_pytorch_model.safetensors"
    data = path.read_bytes()
    if damage == "a pickle":
        (model / "audio_dit/weights.bin").write_bytes(b"")
    elif damage == "truncated":
        path.write_bytes(data[:1000])
    else:
        files = {"audio_dit/diffusion_pytorch_model.safetensors": {"bytes": len(data), "sha256": "0" * 64}}
        (model / "selection.json").write_text(json.dumps({"checkpoint_id": "0" * 16, "files": files}))
    said = {"truncated": "safetensors is not a readable", "a pickle": r"weights\.bin is a pickle"}
    with pytest.raises((StaleError, UsageError), match=said.get(damage, "has sha256")):
        package(model, tmp_path / "dist/bento")
    assert not (tmp_path / "dist").exists()


def test_no_package_and_a_taken_port_are_one_sentence(dist: Path, tmp_path: Path, settings: ServiceSettings) -> None:
    with pytest.raises(UsageError, match=f"holds no package \\({REFERENCE_FILE} is missing\\): run `mova package`"):
        check_startable(tmp_path, settings)
    taken = f"port {settings.params.port} of 127.0.0.1 cannot be used"
    with socket.create_server((settings.params.host, settings.params.port)), pytest.raises(UsageError, match=taken):
        check_startable(dist, settings)


def contents(folder: Path) -> dict[str, str]:
    """sha256 of every file but BentoML's own caches."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
