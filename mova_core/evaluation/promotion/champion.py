"""The champion is measured again, on the candidate's suite, by the present versions of the metrics.

Such an evaluation goes to reports/champions/CHECKPOINT/, with the candidate's sampler settings; the champion's weights
are those that were kept when it was promoted.
"""

from pathlib import Path

from mova_core.params import Params
from mova_core.places import CHAMPION_EVALUATIONS, DATA, MODELS, RUNS, DataFolder
from mova_core.training.preflight import Places
from mova_core.training.recipe import phase_named


def evaluate_champion(checkpoint_id: str, folder: Path, phase: str, params: Params, root: Path) -> None:
    """Evaluate a model folder on the suite of the present params and tables, with the present sampler settings.

    Args:
        checkpoint_id: of its weights.
        folder: the model.
        phase: what it was trained in.
        params: of the candidate.
        root: the project's folder.

    Raises:
        UsageError, StaleError, MovaError: a table is missing, the model does not fit the present geometry, or its
            velocities are not finite.
    """
    # Imported here: a promotion without an evaluation needs no torch.
    from mova_core.evaluation.evaluate import EvaluatedModel, evaluate_model
    from mova_core.evaluation.measure import entry
    from mova_core.evaluation.phase_inputs import PhaseInputs
    from mova_core.flow_matching import BOUNDARY_RATIO
    from mova_core.model.model_folder import new_components
    from mova_core.model.pretrained.frozen_parts import FrozenParts
    from mova_core.model.single_thread import single_thread
    from mova_core.model.towers.dual_tower import DualTower
    from mova_core.storage.atomic_folder import atomic_folder

    chosen = phase_named(phase)
    towers, parts = DualTower.from_pretrained(folder).eval(), FrozenParts.open(folder)
    components = new_components(towers, parts, chosen.geometry(params), params.generate, BOUNDARY_RATIO)
    places = Places(DataFolder(root / DATA), root / MODELS, root / RUNS)
    loss = entry("validation_loss", unavailable="the run of this model is not the project's present one")
    model = EvaluatedModel(checkpoint_id, components, {"validation_loss": loss})
    with single_thread(), atomic_folder(root / CHAMPION_EVALUATIONS / checkpoint_id, replace=True) as target:
        evaluate_model(model, PhaseInputs.of(chosen, params, places), target, "evaluate champion")
