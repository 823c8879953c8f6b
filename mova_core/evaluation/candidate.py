"""The candidate of a phase: the last checkpoint of its run, and the model of its averaged weights."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from mova_core.errors import StaleError, UsageError
from mova_core.flow_matching import BOUNDARY_RATIO
from mova_core.model.model_folder import Components, new_components
from mova_core.model.pretrained.frozen_parts import FrozenParts
from mova_core.model.pretrained.index import read_json
from mova_core.model.towers.audio_tower import AudioTower
from mova_core.model.towers.dual_tower import DualTower
from mova_core.model.towers.tower_configs import tower_configs
from mova_core.model.weights.fresh import fresh_dual_tower
from mova_core.params import Params
from mova_core.places import CHECKPOINTS
from mova_core.storage.manifest import MANIFEST_FILE
from mova_core.training.checkpoints.checkpoint import Checkpoint, last_checkpoint
from mova_core.training.checkpoints.weights import write_components
from mova_core.training.preflight import Places
from mova_core.training.recipe import Phase


@dataclass(frozen=True, slots=True)
class Candidate:
    """A checkpoint, and the model of its averaged weights."""

    checkpoint: Checkpoint
    components: Components


def last_candidate(phase: Phase, params: Params, places: Places) -> Candidate:
    """The last checkpoint of a phase's run, every file verified, and its averaged weights as a model.

    Raises:
        UsageError: no checkpoint yet.
        StaleError: it is damaged, or was trained with another codec than the present one.
    """
    run = places.run(phase)
    checkpoint = last_checkpoint(run / CHECKPOINTS)
    if checkpoint is None:
        raise UsageError(f"{run / CHECKPOINTS} holds no checkpoint: run `mova train {phase.name}` first")
    parts = FrozenParts.of(params, places.data)
    manifest, present = (
        read_json(run / MANIFEST_FILE) if (run / MANIFEST_FILE).is_file() else {},
        parts.codec_fingerprint(),
    )
    if (trained_with := manifest.get("inputs", {}).get("codec", present)) != present:
        raise StaleError(
            f"{run} was trained with codec {str(trained_with)[:12]}, {parts.folder} is now {present[:12]}: "
            f"run `mova train {phase.name}` again"
        )
    with TemporaryDirectory() as folder:
        write_components(checkpoint, "ema", Path(folder))
        towers = _towers(phase, params, Path(folder), parts)
    known = manifest.get("trained_on", ())
    components = new_components(towers, parts, phase.geometry(params), params.generate, BOUNDARY_RATIO, known)
    return Candidate(checkpoint, components)


def _towers(phase: Phase, params: Params, folder: Path, parts: FrozenParts) -> DualTower:
    """The trained components, and where the audio tower was trained alone, fresh ones beside it."""
    if phase.joint:
        return DualTower.from_pretrained(folder).eval()
    configs = tower_configs(params.train.model, parts.sizes(), phase.geometry(params))
    towers = fresh_dual_tower(params.seed, configs)
    towers.audio_dit = AudioTower.from_pretrained(folder / "audio_dit")
    return towers.eval()
