"""A checkpoint of a run as a model in memory, ready to be evaluated."""

from pathlib import Path
from tempfile import TemporaryDirectory

from mova_core.evaluation.evaluate import EvaluatedModel
from mova_core.evaluation.measure import entry
from mova_core.flow_matching import BOUNDARY_RATIO
from mova_core.model.model_folder import new_components
from mova_core.model.towers.dual_tower import DualTower
from mova_core.params import Params
from mova_core.places import DataFolder
from mova_core.registry.manifests import Metric
from mova_core.training.checkpoints.checkpoint import Checkpoint
from mova_core.training.export import known_to, parts_of, write_towers
from mova_core.training.recipe import phase_named


def load_candidate(checkpoint: Checkpoint, params: Params, data: DataFolder) -> EvaluatedModel:
    """The averaged weights of a verified checkpoint.

    Raises:
        StaleError: it was trained with another codec than the present one.
    """
    parts = parts_of(checkpoint, params, data)
    with TemporaryDirectory() as folder:
        write_towers(checkpoint, "ema", params, parts, Path(folder))
        towers = DualTower.from_pretrained(folder)
    geometry = phase_named(checkpoint.manifest.phase).geometry(params)
    components = new_components(towers, parts, geometry, params.generate, BOUNDARY_RATIO, known_to(checkpoint))
    loss = {"validation_loss": validation_loss(checkpoint)}
    return EvaluatedModel(checkpoint.checkpoint_id, components, loss, checkpoint.manifest.fingerprint)


def validation_loss(checkpoint: Checkpoint) -> Metric:
    """Loss of its averaged weights on validation clips, as training measured it at its step."""
    loss = checkpoint.manifest.validation_loss
    if loss is None:
        reason = "there was no validation clip, or the step is none of train.checkpoints.validate_every"
        return entry("validation_loss", unavailable=f"training measured none at step {checkpoint.step}: {reason}")
    return entry("validation_loss", loss)
