"""`mova package`: a selected model becomes a Bento that can be served anywhere, and a clip that shows it works.

DIST/
    bento/            the Bento: the code, `src/model/` (the model folder) and `src/manifest.json` (sha256 of its files)
    smoke.mp4         what it answers to SMOKE: served from anywhere, the same request must give these bytes
    reference.json    {"tag", "checkpoint_id", "manifest_sha256", "smoke": {"request", "sha256"},
                       "files": {path: {"bytes", "sha256"}} of all that lies here}
A Bento's version is the start of its manifest's sha256: the same weights and code are the same Bento.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

import services
from mova_core.devices import check_there
from mova_core.errors import MovaError, UsageError
from mova_core.model.pretrained.index import FolderIndex
from mova_core.params.model import ServeParams
from mova_core.params.runtime import ON_ANY_DEVICE, RuntimeParams
from mova_core.places import SMOKE_CLIP
from mova_core.registry.manifests import REFERENCE_FILE, FileList
from mova_core.storage.atomic_folder import atomic_folder
from mova_core.storage.manifest import Sha256, file_entries, read_manifest, write_manifest
from services.packaging.model_manifest import (
    MODEL_FOLDER,
    Packaged,
    check_whole,
    read_packaged,
    write_model_manifest,
)
from services.requests.checker import RequestChecker
from services.requests.video_request import MODEL_NAME
from services.settings import ServiceSettings

BENTO = "bento"
# A caption as the synthetic footage has it: nano knows no other words.
SMOKE = {"prompt": "A red ball bounces on a dark floor, with a wooden knock at each bounce.", "seed": 1}
SERVICE = "services.service:Api"
CODE = ("mova_core", "services")
REQUIREMENTS = "requirements.lock"  # the repository's, which the package carries beside this file
# Fixed, so that the same weights and code give the same bytes whenever they are packaged.
CREATED = "2000-01-01T00:00:00+00:00"


class Reference(FileList):
    """What a package is: its files, and what is served.

    Args:
        tag: name and version of the Bento.
        manifest_sha256: of the manifest of its weights.
        smoke: {"request", "sha256"} of the smoke clip.
    """

    tag: str
    manifest_sha256: Sha256
    smoke: dict[str, Any]

    @classmethod
    def read(cls, dist: Path) -> "Reference":
        """The reference of a package.

        Raises:
            UsageError: there is no package.
            StaleError: the reference is damaged.
        """
        if not (dist / REFERENCE_FILE).is_file():
            raise UsageError(f"{dist} holds no package ({REFERENCE_FILE} is missing): run `mova package`")
        return read_manifest(dist / REFERENCE_FILE, cls, "run `mova package` again")[0]


def source_folder(dist: Path) -> Path:
    """Where a package's code, model and manifest lie."""
    return dist / BENTO / "src"


def package(model: Path, dist: Path, runtime: RuntimeParams = ON_ANY_DEVICE) -> dict[str, Any]:
    """Build the Bento of a model folder, in place of one that is there, and its smoke clip.

    Args:
        model: its folder.
        dist: the package's.
        runtime: what the smoke clip is made on.

    Raises:
        UsageError: a device that is not there, not a model folder, or a pickle among its weights.
        StaleError: a file is damaged, or not the one that was selected.
        MovaError: BentoML cannot build it.
    """
    check_there(runtime.devices)
    index = FolderIndex.read(model)
    check_whole(model)
    with atomic_folder(dist, replace=True) as made:
        packaged = _build(model, made / BENTO)
        tag = f"{MODEL_NAME}:{packaged.sha256[:16]}"
        request = RequestChecker(index, {MODEL_NAME}, ServeParams().max_seconds).check(SMOKE).queued()
        sha256 = _smoke(packaged, request, made / SMOKE_CLIP.name, runtime)
        reference = Reference(
            tag=tag,
            checkpoint_id=packaged.checkpoint_id,
            manifest_sha256=packaged.sha256,
            smoke={"request": SMOKE, "sha256": sha256},
            files=file_entries(made),
        )
        write_manifest(made / REFERENCE_FILE, reference)
    return reference.model_dump() | {
        "path": str(dist),
        "text": f"{dist}: bento {tag} of checkpoint {packaged.checkpoint_id}, its clip {dist / SMOKE_CLIP.name}",
    }


def _build(model: Path, target: Path) -> Packaged:
    project = Path(services.__file__).parents[1]
    with tempfile.TemporaryDirectory(prefix="mova-package-") as temporary:
        context = Path(temporary) / "context"
        for name in CODE:
            shutil.copytree(project / name, context / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(model, context / MODEL_FOLDER)
        version = write_model_manifest(context).sha256[:16]
        recipe = {
            "service": SERVICE,
            "name": MODEL_NAME,
            "description": "MOVA: generates video with audio, behind the OpenAI videos API.",
            "python": {"requirements_txt": f"services/packaging/{REQUIREMENTS}", "lock_packages": False},
        }
        (context / "bentofile.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
        settings = ServiceSettings(Path(temporary).resolve(), ServeParams())
        home = Path(temporary) / "home"
        # Its own registry: building reads the service's file, which opens one.
        environment = settings.environment() | {
            "BENTOML_HOME": str(home),
            "MOVA_DATABASE_URL": f"sqlite:///{temporary}/registry.db",
        }
        done = subprocess.run(
            [sys.executable, "-m", "bentoml", "build", "--version", version, "--output", "tag", "."],
            cwd=context,
            env=environment,
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            last = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
            raise MovaError(f"BentoML could not build {MODEL_NAME}:{version} (exit {done.returncode}): {last}")
        shutil.move(home / "bentos" / MODEL_NAME / version, target)
    _fix_times(target)
    _fix_modes(target)
    return read_packaged(target / "src")


def _fix_times(bento: Path) -> None:
    path = bento / "bento.yaml"
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    values["creation_time"] = CREATED
    path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")


def _fix_modes(bento: Path) -> None:
    """DVC keeps no file of a folder executable, so one that is would differ after each checkout; the image sets it."""
    for path in bento.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _smoke(packaged: Packaged, request: dict[str, Any], path: Path, runtime: RuntimeParams) -> str:
    from mova_core.sampling.clip_generator import ClipGenerator
    from services.jobs.render import Renderer

    return Renderer(ClipGenerator.load(packaged.folder, runtime), packaged.checkpoint_id).render(request, path).sha256
