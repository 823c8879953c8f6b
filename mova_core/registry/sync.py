"""Make the registry agree with the folders: `mova registry sync`.

Read are data/*.parquet, data/rejects, data/latents, runs, reports/evaluation, reports/champions and models. Files are
read and hashed first, then written in one transaction, all or nothing; a second time changes nothing, and on an empty
database the same rows come out. Rows whose files are gone stay: they happened. Then the footage of each dataset whose
footage is not recorded yet is read and recorded, a transaction each: what a killed run leaves, the next one does.
"""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import sqlalchemy as sa

from mova_core.curation.encode.latents_manifest import INDEX_FILE, LatentsManifest
from mova_core.curation.takedowns import read_takedowns
from mova_core.errors import StaleError
from mova_core.places import CHAMPION_EVALUATIONS, DATA, EVALUATIONS, KEPT_RUNS, MODELS, RUNS, TAKEDOWNS, DataFolder
from mova_core.registry.database.connection import only_one, reading, shown, writing
from mova_core.registry.database.tables import LATENTS
from mova_core.registry.footage.read import FootageReader, NotIndexed, is_indexed
from mova_core.registry.footage.record import indexed, record_footage, refresh_statistics
from mova_core.registry.manifests import (
    CHECKPOINT_ID_DIGITS,
    METRICS_FILE,
    SELECTION_FILE,
    EvaluationManifest,
    RunManifest,
    Selection,
)
from mova_core.registry.records import Changes, record_dataset, record_evaluation, record_run, record_selection
from mova_core.registry.takedown.events import agree_on_takedowns
from mova_core.storage.hashing import sha256_file
from mova_core.storage.manifest import MANIFEST_FILE, read_manifest

DatasetRow = tuple[tuple[str, str], dict[str, Any]]  # key (name, sha256) and values


def sync(engine: sa.Engine, root: Path = Path()) -> dict[str, Any]:
    """Record what the folders of a project hold.

    Args:
        engine: the registry.
        root: the project's folder.

    Returns:
        Summary: rows added, changed and left as they were; datasets whose footage was recorded; what was passed over,
        each with the reason.

    Raises:
        StaleError: a manifest or data/takedowns.json that cannot be read, or a checkpoint that is not the one that its
            run's manifest lists. Nothing is written then.
    """
    skipped: list[str] = []
    datasets = [*_tables(root), *_latents(root, skipped)]
    run_manifests = [path for runs in (RUNS, RUNS / KEPT_RUNS) for path in (root / runs).glob(f"*/{MANIFEST_FILE}")]
    runs = [_run(path, root) for path in sorted(run_manifests)]
    selections = [
        (read_manifest(path, Selection)[0], _relative(path.parent, root))
        for path in sorted((root / MODELS).glob(f"*/{SELECTION_FILE}"))
    ]
    evaluations = [
        (*read_manifest(path, EvaluationManifest), _relative(path, root))
        for folder, depth in ((EVALUATIONS, "*"), (EVALUATIONS, "*/candidates/*"), (CHAMPION_EVALUATIONS, "*"))
        for path in sorted((root / folder).glob(f"{depth}/{METRICS_FILE}"))
    ]
    read_takedowns(root / TAKEDOWNS)  # a damaged file is told before anything is written
    changes: Changes = Counter(added=0, changed=0, same=0)
    with writing(engine) as session:
        only_one(session, "sync")
        for dataset in datasets:
            record_dataset(session, changes, *dataset)
        for run in runs:
            record_run(session, changes, *run)
        for selection in selections:
            record_selection(session, changes, *selection)
        for evaluation in evaluations:
            record_evaluation(session, changes, *evaluation)
    recorded = _record_footage(engine, datasets, root, skipped)
    learned, told = agree_on_takedowns(engine, root)
    counts = f"{changes['added']} added, {changes['changed']} changed, {changes['same']} as they were"
    lines = [f"registry {shown(engine.url)}: {counts}", *(f"passed over: {reason}" for reason in skipped)]
    if learned:
        lines.append(f"{learned} events of {TAKEDOWNS} recorded")
    if told:
        lines.append(f"{told} events of the registry written to {TAKEDOWNS}: run `dvc repro`, and commit it with git")
    return {**changes, "indexed": recorded, "skipped": skipped, "text": "\n".join(lines)}


def _record_footage(engine: sa.Engine, datasets: list[DatasetRow], root: Path, skipped: list[str]) -> int:
    """Record which footage is in the datasets of which that is not known yet; how many that were."""
    with reading(engine) as session:
        known = indexed(session)
    reader, recorded = FootageReader(root), 0
    for (name, sha256), values in datasets:
        if (name, sha256) in known or not is_indexed(name):
            continue
        try:
            footage = reader.read(name, sha256, root / values["path"], values["inputs"])
        except NotIndexed as reason:
            skipped.append(f"the footage of {values['path']}: {reason}")
            continue
        with writing(engine) as session:
            only_one(session, "sync")
            record_footage(session, footage)
        recorded += 1
    if recorded:
        with writing(engine) as session:
            refresh_statistics(session)
    return recorded


def _tables(root: Path) -> Iterator[DatasetRow]:
    data = root / DATA
    for path in sorted([*data.glob("*.parquet"), *data.glob("rejects/*.parquet")]):
        yield _dataset(path, path.relative_to(data).with_suffix("").as_posix(), root)


def _latents(root: Path, skipped: list[str]) -> Iterator[DatasetRow]:
    for folder in sorted(path for path in root.glob(str(DataFolder().latents("*"))) if path.is_dir()):
        if not (folder / MANIFEST_FILE).exists():
            skipped.append(f"{_relative(folder, root)} is not finished: run `mova encode {folder.name}`")
            continue
        manifest, _ = read_manifest(folder / MANIFEST_FILE, LatentsManifest)
        key, values = _dataset(folder / INDEX_FILE, f"{LATENTS}{folder.name}", root)
        if INDEX_FILE not in manifest.files or manifest.files[INDEX_FILE].sha256 != key[1]:
            skipped.append(f"{_relative(folder, root)} changed after its manifest: run `mova encode {folder.name}`")
            continue
        inputs = values["inputs"] | manifest.model_dump(exclude={"files"})
        yield key, values | {"inputs": inputs, "files": manifest.model_dump()["files"]}


def _dataset(path: Path, name: str, root: Path) -> DatasetRow:
    try:
        footer = pq.read_metadata(path)
        inputs = json.loads((footer.metadata or {}).get(b"inputs", b"{}"))
    except (ValueError, OSError) as error:  # pyarrow's errors are of these kinds
        raise StaleError(f"{path} is not a table of this project ({error}): make it again with `dvc repro`") from None
    values = {"path": _relative(path, root), "rows": footer.num_rows, "bytes": path.stat().st_size}
    return (name, sha256_file(path)), values | {"inputs": inputs, "files": None}


def _run(path: Path, root: Path) -> tuple[RunManifest, str, str, dict[str, str]]:
    """A run's manifest, its sha256, its folder, and the manifests of those of its checkpoints that are still there."""
    run, sha256 = read_manifest(path, RunManifest)
    entries, manifests = [], {}
    for entry in run.checkpoints:
        folder = next((base / entry.path for base in (root, path.parent) if (base / entry.path).is_dir()), None)
        if folder is not None:
            entry = entry.model_copy(update={"path": _relative(folder, root)})
            manifests[entry.id] = _checkpoint_manifest(folder, entry.id)
        entries.append(entry)
    return run.model_copy(update={"checkpoints": entries}), sha256, _relative(path.parent, root), manifests


def _checkpoint_manifest(folder: Path, checkpoint_id: str) -> str:
    manifest = folder / MANIFEST_FILE
    if not manifest.exists():
        raise StaleError(f"{manifest} is missing, its run names the folder checkpoint {checkpoint_id}: train it again")
    sha256 = sha256_file(manifest)
    if sha256[:CHECKPOINT_ID_DIGITS] != checkpoint_id:
        raise StaleError(
            f"{folder} is checkpoint {sha256[:CHECKPOINT_ID_DIGITS]}, its run's manifest lists {checkpoint_id}: "
            "it was altered, bring it back with `dvc checkout` or train it again"
        )
    return sha256


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()
