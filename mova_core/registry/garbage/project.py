"""What may go of a project's folder: earlier runs that nobody needs, results of other code, leavings."""

from collections.abc import Collection, Iterator
from pathlib import Path

from mova_core.places import (
    ADAPTERS,
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
from mova_core.registry.garbage.garbage import Garbage, before, garbage_path, last_change
from mova_core.registry.manifests import CHECKPOINT_ID_DIGITS
from mova_core.storage.code_version import stage_version
from mova_core.storage.hashing import sha256_file
from mova_core.storage.manifest import MANIFEST_FILE
from mova_core.storage.result_cache import version_folder

CACHED_STAGES = ("ingest", "segment", "assess", "caption")
WRITTEN = (RUNS, MODELS, REPORTS, DIST, PRIVATE, *(DATA / name for name in ("clips", "latents", "rejects")))
ABANDONED_S = 3600.0  # a temporary file that nobody has written to for so long


def project_garbage(root: Path, needed: Collection[str]) -> Iterator[Garbage]:
    """All of it, by kind and path.

    Args:
        root: the project's folder.
        needed: ids of checkpoints that must stay.
    """
    yield from (garbage_path(path, root, reason) for path, reason in _runs(root, needed))
    yield from (garbage_path(path, root, reason) for path, reason in _results(root))
    yield from (garbage_path(path, root, "left half-written by a killed run") for path in _leavings(root))


def _runs(root: Path, needed: Collection[str]) -> Iterator[tuple[Path, str]]:
    kept = [root / place / KEPT_RUNS for place in (RUNS, LORA_RUNS, ADAPTERS)]
    for folder in sorted(path for place in kept for path in place.glob("*") if path.is_dir()):
        manifests = (folder / CHECKPOINTS).glob(f"*/{MANIFEST_FILE}")
        ids = {sha256_file(manifest)[:CHECKPOINT_ID_DIGITS] for manifest in manifests}
        if ids.isdisjoint(needed):
            yield folder, "a run of other inputs, params or code, and no needed model comes from it"


def _results(root: Path) -> Iterator[tuple[Path, str]]:
    for stage in CACHED_STAGES:
        present = version_folder(stage_version(stage))
        for path in sorted((root / RESULT_CACHE / stage).glob("*")):
            if path.is_dir() and path.name != present:
                yield path, f"results of {stage} by other code than the present"


def _leavings(root: Path) -> Iterator[Path]:
    temporary = [*(root / DATA).glob(".tmp*")]
    for folder in WRITTEN:
        temporary += (root / folder).rglob(".tmp*")
    for path in sorted(temporary):
        inside_another = any(parent.name.startswith(".tmp") for parent in path.relative_to(root).parents)
        if not inside_another and last_change(path) < before(ABANDONED_S):
            yield path
