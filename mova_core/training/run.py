"""One phase's training, read and checked: what it starts from, what it is made from, where it goes.

A run folder holds `checkpoints/`, `curves.jsonl`, what the monitor writes (`plots/`, `tensorboard/`, …) and, written
last, `manifest.json`. A stopped run goes on from its last checkpoint and ends in the same bytes as one that never
stopped; a run made from other inputs, params or code than now is put aside, into `kept/` beside it, and comes back when
they do.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from torch import nn

from mova_core.curation.tables import read_table
from mova_core.model.text.known_phrases import known_phrases
from mova_core.params import Params
from mova_core.params.model import JointPhaseParams, TrainParams
from mova_core.places import CHECKPOINTS
from mova_core.registry.manifests import CHECKPOINT_ID_DIGITS
from mova_core.storage.atomic import make_folder
from mova_core.storage.code_version import stage_version
from mova_core.storage.hashing import sha256_file, sha256_json
from mova_core.storage.manifest import MANIFEST_FILE, write_manifest
from mova_core.training.checkpoints.checkpoint import (
    Checkpoint,
    CheckpointManifest,
    finished,
    last_checkpoint,
    newest_checkpoint,
)
from mova_core.training.checkpoints.retention import make_way
from mova_core.training.curves import CURVES_FILE
from mova_core.training.data.batches import AudioBatches, JointBatches
from mova_core.training.data.index import clip_ids
from mova_core.training.data.read_ahead import ReadAhead
from mova_core.training.monitor.watched import Watched
from mova_core.training.objective import AudioObjective, JointObjective, Objective
from mova_core.training.preflight import Places, check_inputs, few_clips, run_folder
from mova_core.training.processes import local_rank
from mova_core.training.recipe import Phase
from mova_core.training.start import start_of
from mova_core.training.strategy.base import Strategy, WeightSource

SCHEMA = "run/1"


@dataclass(frozen=True, slots=True)
class Run:
    """One phase's training, everything read and checked, nothing written yet.

    Args:
        phase: which.
        seed: of everything random.
        params: section `train`.
        folder: of the run.
        inputs: by name, see `check_inputs`.
        objective: what is minimised.
        blueprint: the model that learns, on the meta device.
        weights: what it starts from.
        watched: what the monitor needs to know of it.
        warning: what to tell the user before it starts; None for nothing.
        trained_on: phrases of the captions of its training clips.
    """

    phase: Phase
    seed: int
    params: TrainParams
    folder: Path
    inputs: dict[str, Any]
    objective: Objective
    blueprint: nn.Module
    weights: WeightSource
    watched: Watched
    warning: str | None = None
    trained_on: tuple[str, ...] = ()

    @property
    def checkpoints(self) -> Path:
        return self.folder / CHECKPOINTS

    @property
    def fingerprint(self) -> str:
        """Of all that decides the weights that come out."""
        own = self.phase.params(self.params)
        train = self.params
        learning = own, train.model, train.optimizer, train.loss, train.health
        order = train.micro_batches, train.shards_in_memory, train.precision
        return sha256_json(self.phase.name, self.seed, self.inputs, learning, order, stage_version("train"))

    @property
    def run_id(self) -> str:
        """The start of the fingerprint, which names the run."""
        return self.fingerprint[:CHECKPOINT_ID_DIGITS]

    def checkpoint_manifest(self, step: int, validation: Mapping[str, Any] | None) -> CheckpointManifest:
        """What stands in the manifest of a checkpoint, but for its files.

        Args:
            step: optimizer steps done.
            validation: losses of the averaged weights after that step; None where it was not validated.
        """
        loss = (validation or {}).get("loss")
        return CheckpointManifest(
            phase=self.phase.name,
            step=step,
            fingerprint=self.fingerprint,
            latents=self.inputs["latents_index"],
            clips=step * self.phase.params(self.params).batch,
            validation_loss=loss if loss is not None and isfinite(loss) else None,
        )


def prepare(phase: Phase, params: Params, places: Places, out: Path | None = None, profile: int = 0) -> Run:
    """Read and check everything that training needs.

    Raises:
        UsageError, StaleError, MovaError: see `train`.
    """
    inputs = check_inputs(phase, params, places)
    latents = places.latents(phase, params)
    batches = batches_of(phase, params, latents)
    objective, waited_s = objective_of(phase, params, batches)
    start = start_of(phase, params, places.start(phase, params), batches.sizes())
    folder, warning = run_folder(phase, places, out), few_clips(phase, latents)
    return Run(
        phase,
        params.seed,
        params.train,
        folder,
        inputs,
        objective,
        start.blueprint,
        start.weights,
        Watched(phase, params, places.data, waited_s, profile),
        warning,
        trained_on(phase, params, places),
    )


def batches_of(phase: Phase, params: Params, latents: Path) -> AudioBatches | JointBatches:
    """The batches of a phase from a folder of latents.

    Raises:
        UsageError, StaleError: see `ClipReader`.
    """
    kind = JointBatches if phase.joint else AudioBatches
    return kind(latents, phase, params.train, params.seed)


def objective_of(
    phase: Phase, params: Params, batches: AudioBatches | JointBatches
) -> tuple[Objective, Callable[[], float]]:
    """What a phase minimises on its batches, read ahead; and the seconds in which micro-batches waited so far."""
    own = phase.params(params.train)
    reads = ReadAhead[Any](batches.part, own.steps)
    objective: Objective
    if isinstance(batches, JointBatches):
        assert isinstance(own, JointPhaseParams)
        fps = float(phase.geometry(params).fps)
        objective = JointObjective(reads, batches, params.train.loss, fps, own.video_shift)
    else:
        objective = AudioObjective(reads, batches)
    return objective, lambda: reads.waited_s


def resume_point(run: Run, strategy: Strategy) -> Checkpoint | None:
    """The checkpoint to go on from; a run of other inputs, params or code is put aside.

    Raises:
        StaleError: its files are not those of its manifest, which one process of each machine looks at.
    """
    if strategy.main:
        if aside := make_way(run.folder, run.fingerprint):
            print(f"{run.folder} was trained from other inputs, params or code: it is kept as {aside}", file=sys.stderr)
        make_folder(run.folder)
        if not is_finished(run, newest_checkpoint(run.checkpoints)):
            (run.folder / MANIFEST_FILE).unlink(missing_ok=True)
    strategy.wait()
    first_here = local_rank() == 0
    checkpoint = last_checkpoint(run.checkpoints) if first_here else newest_checkpoint(run.checkpoints)
    strategy.wait()
    return checkpoint


def is_finished(run: Run, checkpoint: Checkpoint | None) -> bool:
    """Whether the checkpoint is of the last step, and all was written after it."""
    at_the_end = checkpoint is not None and checkpoint.step == run.phase.params(run.params).steps
    return at_the_end and (run.folder / MANIFEST_FILE).exists()


def trained_on(phase: Phase, params: Params, places: Places) -> tuple[str, ...]:
    """Phrases of the captions of a phase's training clips; none where there is no table of captions."""
    table, trained = places.data.table("captions"), set(clip_ids(places.latents(phase, params), phase.name, "train"))
    rows = read_table(table, "captions") if table.is_file() else []
    return tuple(known_phrases(row["merged"] for row in rows if row["clip_id"] in trained))


def write_run_manifest(run: Run) -> None:
    """Write what the run was made from and made, last of all; `mova_core.registry.manifests` reads it."""
    checkpoints = [
        {"id": each.checkpoint_id, "step": each.step, "path": each.folder.relative_to(run.folder).as_posix()}
        for each in finished(run.checkpoints)
    ]
    manifest = {
        "schema": SCHEMA,
        "phase": run.phase.name,
        "run_id": run.run_id,
        "seed": run.seed,
        "params": {
            **run.phase.params(run.params).model_dump(),
            "optimizer": run.params.optimizer.model_dump(),
            "loss": run.params.loss.model_dump(),
            "precision": run.params.precision,
        },
        "code": stage_version("train"),
        "inputs": run.inputs,
        "latents": {run.inputs["geometry"]: run.inputs["latents_index"]},
        "start_checkpoint": run.inputs["start_checkpoint"],
        "trained_on": run.trained_on,
        "checkpoints": checkpoints,
        "curves": sha256_file(run.folder / CURVES_FILE),
    }
    write_manifest(run.folder / MANIFEST_FILE, manifest)
