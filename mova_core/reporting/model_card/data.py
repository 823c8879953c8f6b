"""The section of a model card on its data: how much, of what rights, origin and consent, and what curation made of it.

How much and which files is known to the registry. What a sidecar stated of a file, the funnel and the contracts stand
in tables and reports of the project, which are used only if they are the versions that the model was trained on.
"""

from collections import Counter
from collections.abc import Collection
from pathlib import Path

from sqlalchemy.orm import Session

from mova_core.curation.funnel import curation_funnel
from mova_core.curation.tables import read_table
from mova_core.places import CONTRACTS, DATA, DataFolder
from mova_core.registry.database.tables import LATENTS
from mova_core.registry.lineage.footage_used import footage_used
from mova_core.registry.lineage.origins import DatasetKey, Origins
from mova_core.reporting.curation_results import funnel_steps, read_contracts
from mova_core.reporting.model_card.parts import Section, Table
from mova_core.reporting.wording import plural
from mova_core.storage.hashing import sha256_file

SOURCES = "sources"
TABLES = {SOURCES, "segments", "windows", "clips", "verdicts"}  # that the funnel is read from
STATED = ("rights", "origin", "consent")  # columns of table `sources`, from a sidecar
OTHER_VERSION = "The tables of this project are of another version than the model was trained on, so {} not told here."


def data_section(session: Session, found: Origins, root: Path) -> Section:
    """What a model was trained on.

    Args:
        session: any session of the registry.
        found: what the registry knows of the model's origins.
        root: the project's folder.
    """
    sentences, used, source_ids = [], [], set[str]()
    for run in found.runs:
        for geometry, sha256 in sorted(run.latents.items()):
            latents = found.datasets.get((f"{LATENTS}{geometry}", sha256))
            footage = None if latents is None else footage_used(session, latents, run.phase, limit=None)
            if footage is None:
                used.append((run.phase, geometry, "unknown", "unknown"))
                continue
            source_ids |= {file.sha256 for file in footage.listed}
            used.append((run.phase, geometry, str(footage.files), str(footage.clips)))
    data = DataFolder(root / DATA)
    present = {name for name in TABLES if _is_version(data.table(name), found.datasets)}
    tables = [Table(("phase", "geometry", "files", "training clips"), tuple(used))]
    if SOURCES in present:
        tables += _stated(data, source_ids)
    else:
        sentences.append(OTHER_VERSION.format("rights, origin and consent are"))
    if present == TABLES:
        tables += _curation(data, root)
    else:
        sentences.append(OTHER_VERSION.format("the funnel and contracts are"))
    versions = [(name, sha256[:16], _rows(found, name, sha256)) for name, sha256 in sorted(found.datasets)]
    return Section("Training data", tuple(sentences), (*tables, Table(("table", "version", "rows"), tuple(versions))))


def _is_version(path: Path, versions: Collection[DatasetKey]) -> bool:
    return path.is_file() and (path.stem, sha256_file(path)) in versions


def _rows(found: Origins, name: str, sha256: str) -> str:
    dataset = found.datasets[name, sha256]
    return "unknown" if dataset is None else str(dataset.rows)


def _stated(data: DataFolder, source_ids: set[str]) -> list[Table]:
    """What sidecars state of the files, counted; a file that states nothing is counted as that."""
    rows = [row for row in read_table(data.table(SOURCES), SOURCES) if row["source_id"] in source_ids]
    tables = []
    for column in STATED:
        counts = Counter(row[column] for row in rows)
        ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0] or ""))
        counted = tuple((value or "not stated", plural(count, "file")) for value, count in ordered)
        tables.append(Table((column, "files"), counted))
    return tables


def _curation(data: DataFolder, root: Path) -> list[Table]:
    steps = tuple((step.name, step.rows, step.footage) for step in funnel_steps(curation_funnel(data)))
    contracts = tuple((f"{each.sign} {each.table}", each.summary) for each in read_contracts(root / CONTRACTS))
    return [Table(("stage", "kept", "footage"), steps), Table(("contract", "result"), contracts)]
