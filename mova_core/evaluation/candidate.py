"""The candidate of a phase: the last checkpoint of its run, and the model of its averaged weights."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from mova_core.errors import UsageError
from mova_core.flow_matching import BOUNDARY_RATIO
from mova_core.model.model_folder import Components, new_components
from mova_core.model.towers.dual_tower import DualTower
from mova_core.params import Params
from mova_core.places import CHECKPOINTS
from mova_core.training.checkpoints.checkpoint import Checkpoint, last_checkpoint
from mova_core.training.export import known_to, parts_of, write_towers
from mova_core.training.preflight import Places
from mova_core.training.recipe import Phase


@dataclass(frozen=True, slots=True)
class Candidate:
    """A checkpoint, and the model of its averaged weights."""

    checkpoint: Checkpoint
    components: Components


def last_candidate(phase: Phase, params: Params, places: Places) -> Candidate:
    """The last checkpoint of a phase's run, every file verified, and its averaged weights as a model in memory.

    Raises:
        UsageError: no checkpoint yet.
        StaleError: it is damaged, or was trained with another codec than the present one.
    """
    checkpoint = candidate_checkpoint(phase, places)
    parts = parts_of(checkpoint, params, places.data)
    with TemporaryDirectory() as folder:
        write_towers(checkpoint, "ema", params, parts, Path(folder))
        towers = DualTower.from_pretrained(folder)
    known, geometry = known_to(checkpoint), phase.geometry(params)
    return Candidate(checkpoint, new_components(towers, parts, geometry, params.generate, BOUNDARY_RATIO, known))


def candidate_checkpoint(phase: Phase, places: Places) -> Checkpoint:
    """The last checkpoint of a phase's run, every file verified; errors as of `last_candidate`."""
    checkpoints = places.run(phase) / CHECKPOINTS
    checkpoint = last_checkpoint(checkpoints)
    if checkpoint is None:
        raise UsageError(f"{checkpoints} holds no checkpoint: run `mova train {phase.name}` first")
    return checkpoint
