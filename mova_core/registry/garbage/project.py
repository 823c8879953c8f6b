"""What may be removed from a project: earlier runs that no promoted model needs, results of other code, leavings.

A run that a promotion or an alias names, or that one of these was trained from, is never among them.
"""

import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from mova_core.places import (
    ADAPTERS,
    ARTIFACTS,
    CHECKPOINTS,
    DATA,
    DIST,
    KEPT_RUNS,
    LORA_RUNS,
    MODELS,
    PRIVATE,
    REPORTS,
    RESULT_CACHE,
    RUNS,
)
from mova_core.registry.artifacts import MANIFEST_OF
from mova_core.registry.database.connection import reading
from mova_core.registry.garbage.reachable import promoted_checkpoints
from mova_core.registry.manifests import CHECKPOINT_ID_DIGITS
from mova_core.storage.artifact_store.base import blob_place, manifest_place
from mova_core.storage.artifact_store.listed import listed_blobs
from mova_core.storage.artifact_store.local import LocalStore
from mova_core.storage.code_version import stage_version
from mova_core.storage.hashing import sha256_file
from mova_core.storage.manifest import MANIFEST_FILE
from mova_core.storage.result_cache import version_folder

CACHED_STAGES = ("ingest", "segment", "assess", "caption")
WRITTEN = (RUNS, MODELS, REPORTS, DIST, PRIVATE, *(DATA / name for name in ("clips", "latents", "rejects")))
ABANDONED_S = 3600.0  # a temporary file that nobody has written to for so long


@dataclass(frozen=True, slots=True)
class Garbage:
    """One file or folder that may go.

    Args:
        path: from the project's folder.
        bytes: what it takes, with all in it.
        reason: why it may go.
    """

    path: Path
    bytes: int
    reason: str

    def remove(self, root: Path) -> None:
        """Remove it, and all in it."""
        path = root / self.path
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def find_garbage(root: Path, engine: sa.Engine) -> list[Garbage]:
    """All that may go, by kind and path.

    Args:
        root: the project's folder.
        engine: its registry, which knows what was promoted.
    """
    found = [*_runs(root, engine), *_artifacts(root, engine), *_results(root), *_leavings(root)]
    return [Garbage(path.relative_to(root), _size(path), reason) for path, reason in found]


def _runs(root: Path, engine: sa.Engine) -> Iterator[tuple[Path, str]]:
    kept = [root / place / KEPT_RUNS for place in (RUNS, LORA_RUNS, ADAPTERS)]
    folders = sorted(path for place in kept for path in place.glob("*") if path.is_dir())
    if not folders:
        return
    with reading(engine) as session:
        needed = promoted_checkpoints(session)
    for folder in folders:
        manifests = (folder / CHECKPOINTS).glob(f"*/{MANIFEST_FILE}")
        ids = {sha256_file(manifest)[:CHECKPOINT_ID_DIGITS] for manifest in manifests}
        if not ids & needed:
            yield folder, "a run of other inputs, params or code, and no promoted model comes from it"


def _artifacts(root: Path, engine: sa.Engine) -> Iterator[tuple[Path, str]]:
    """Folders and manifests of what no promotion names, and blobs that no manifest lists (any more)."""
    store = LocalStore((root / ARTIFACTS).absolute())
    kinds = [f"{kind}s" for kind in MANIFEST_OF]
    kept = [path for kind in kinds for path in sorted((root / ARTIFACTS / kind).glob("*-*"))]
    kept += [root / ARTIFACTS / manifest_place(kind, name) for kind in kinds for name in store.manifests(kind)]
    if kept:
        with reading(engine) as session:
            needed = promoted_checkpoints(session)
        for path in kept:
            if path.name.partition("-")[0] not in needed:
                yield path, "kept for a promotion that was not carried out"
    listed = listed_blobs(store)
    for blob in store.blobs():
        if blob.sha256 not in listed and blob.modified_at < _abandoned():
            yield root / ARTIFACTS / blob_place(blob.sha256), "no kept model or package holds this file"


def _results(root: Path) -> Iterator[tuple[Path, str]]:
    for stage in CACHED_STAGES:
        present = version_folder(stage_version(stage))
        for path in sorted((root / RESULT_CACHE / stage).glob("*")):
            if path.is_dir() and path.name != present:
                yield path, f"results of {stage} by other code than the present"


def _leavings(root: Path) -> Iterator[tuple[Path, str]]:
    temporary = [*(root / DATA).glob(".tmp*")]
    for folder in WRITTEN:
        temporary += (root / folder).rglob(".tmp*")
    for path in sorted(temporary):
        inside_another = any(parent.name.startswith(".tmp") for parent in path.relative_to(root).parents)
        if not inside_another and _last_change(path) < _abandoned():
            yield path, "left half-written by a killed run"


def _abandoned() -> float:
    return time.time() - ABANDONED_S


def _last_change(path: Path) -> float:
    return max(each.lstat().st_mtime for each in _with_all_in(path))


def _size(path: Path) -> int:
    return sum(each.lstat().st_size for each in _with_all_in(path) if not each.is_dir())


def _with_all_in(path: Path) -> Iterable[Path]:
    return [path, *path.rglob("*")] if path.is_dir() and not path.is_symlink() else [path]
