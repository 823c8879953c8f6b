"""The JSON files that stages leave behind, as the registry reads them.

runs/PHASE/manifest.json
    {"phase", "run_id", "params": {…}, "code": hash, "latents": {geometry: sha256 of its index.parquet},
     "start_checkpoint": id | null, "checkpoints": [{"id", "step", "path"}]}
    `path` from the project's folder, or from the manifest's.
reports/evaluation/PHASE/metrics.json
    {"phase", "checkpoint_id", "suite": {"name", "seeds", "clips", "sha256"},
     "metrics": {name: {"value": number | null, "low", "high", "shuffled", "data",
                        "better": "higher" | "lower" | "neither", "version", "clips", "of", "missing": {reason: clips},
                        "unavailable": reason | null}}}
models/PHASE/selection.json
    {"phase", "checkpoint_id", "manifest_sha256", "evaluation_sha256",
     "gates": [{"name", "value", "limit", "passed"}], "passed": bool, "reason", "files": {path: {"bytes", "sha256"}}}
    `manifest_sha256` of the run's checkpoint, whose first 16 digits are its id; `evaluation_sha256` of metrics.json.
dist/bento/reference.json
    {"checkpoint_id", "files": {path: {"bytes", "sha256"}}}, and what `services.packaging.package` reads.
"""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from mova_core.storage.manifest import FileEntry, Files, Manifest, Sha256, file_entries, read_manifest, verify

CHECKPOINT_ID_DIGITS = 16
METRICS_FILE, SELECTION_FILE, REFERENCE_FILE = "metrics.json", "selection.json", "reference.json"
EVALUATION_FOLDER = "evaluation"  # of a model folder: metrics.json and clips.jsonl that it was selected by

CheckpointId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]


class CheckpointEntry(Manifest):
    """One checkpoint of a run."""

    id: CheckpointId
    step: int
    path: str


class RunManifest(Manifest):
    """A training run."""

    phase: str
    run_id: str
    params: dict[str, Any]
    code: str
    latents: dict[str, Sha256]
    start_checkpoint: CheckpointId | None
    checkpoints: list[CheckpointEntry]


class Suite(Manifest):
    """What was generated for an evaluation; two evaluations compare only if all of it is equal."""

    name: str
    seeds: int | list[int]
    clips: int
    sha256: str


class Metric(Manifest):
    """One number with its bootstrap interval [low, high]; value None: unavailable, and why.

    `version` of its definition; measured in `clips` of `of` clips, `missing` says why not in the others (reason ->
    clips). None: it does not come clip by clip.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    shuffled: float | None = None
    data: float | None = None
    better: Literal["higher", "lower", "neither"]
    version: int = 1
    clips: int | None = None
    of: int | None = None
    missing: dict[str, int] = Field(default_factory=dict)
    unavailable: str | None = None


class EvaluationManifest(Manifest):
    """An evaluation of one checkpoint; `clips_sha256` of the clips.jsonl beside it, None of an earlier version."""

    phase: str
    checkpoint_id: CheckpointId
    suite: Suite
    metrics: dict[str, Metric]
    clips_sha256: Sha256 | None = None


class Gate(Manifest):
    """One absolute threshold; `sign` says how it compares, `low` is the end of an interval that is compared."""

    name: str
    value: float | None
    limit: float
    passed: bool
    sign: str | None = None
    low: float | None = None


class Selection(Manifest):
    """The judgement of a phase."""

    phase: str
    checkpoint_id: CheckpointId
    manifest_sha256: Sha256
    evaluation_sha256: Sha256
    gates: list[Gate]
    passed: bool
    reason: str

    @model_validator(mode="after")
    def _id_is_of_the_manifest(self) -> Self:
        if self.manifest_sha256[:CHECKPOINT_ID_DIGITS] != self.checkpoint_id:
            raise ValueError(f"checkpoint_id {self.checkpoint_id} is not the start of manifest_sha256")
        return self


class FileList(Manifest):
    """The files of a model folder (selection.json) or of a package (reference.json), by path in the folder."""

    checkpoint_id: CheckpointId
    files: Files


def check_selected(folder: Path, remedy: str) -> None:
    """Refuse a model folder with other bytes than its selection.json lists; one without it was not selected here.

    Args:
        folder: of the model.
        remedy: what to do about a fault.

    Raises:
        StaleError: names the first file that is missing or altered.
    """
    if (folder / SELECTION_FILE).is_file():
        selection, _ = read_manifest(folder / SELECTION_FILE, FileList, remedy)
        verify(folder, selection.files, remedy, unlisted=None)


def checkpoint_id_of(folder: Path) -> str:
    """The checkpoint that a model folder holds; one that was not selected here, such as a released one, is named by
    the bytes of its files.

    Raises:
        StaleError: its selection.json cannot be read.
    """
    if (folder / SELECTION_FILE).is_file():
        return read_manifest(folder / SELECTION_FILE, Selection)[0].checkpoint_id
    text = json.dumps(file_entries(folder), sort_keys=True, default=FileEntry.model_dump)
    return hashlib.sha256(text.encode()).hexdigest()[:CHECKPOINT_ID_DIGITS]
