"""`mova promote`: a champion that was evaluated on another suite is first evaluated on the candidate's suite.

Such an evaluation goes to reports/champions/CHECKPOINT/, with the candidate's sampler settings; the champion's weights
are those that were kept when it was promoted.
"""

from pathlib import Path

import sqlalchemy as sa

from mova_core.errors import MovaError
from mova_core.params import Params, load_params
from mova_core.places import CHAMPION_EVALUATIONS, DATA, MODELS, PARAMS, RUNS, DataFolder
from mova_core.registry.database.connection import reading
from mova_core.registry.database.tables import Checkpoint
from mova_core.registry.promotion.promotion import Decision, OtherSuite, carry_out, judge, refusal
from mova_core.registry.references import folder_of
from mova_core.registry.sync import sync
from mova_core.training.preflight import Places
from mova_core.training.recipe import phase_named


def promote(engine: sa.Engine, candidate: str, alias: str, params_file: Path = PARAMS, root: Path = Path()) -> Decision:
    """Judge a candidate and carry out the decision: promote or refuse.

    Args:
        engine: the registry.
        candidate: model folder such as models/phase3, checkpoint id, or another alias.
        alias: `production`, `phase1/champion`.
        params_file: the params that the candidate was evaluated with.
        root: the project's folder.

    Raises:
        UsageError: no such candidate, it was never judged by its gates, or an alias of another phase.
        StaleError: the candidate's evaluation is not there, its weights are not on this machine, or the alias moved
            meanwhile.
    """
    sync(engine, root)
    try:
        with reading(engine) as session:
            decision = judge(session, candidate, alias, root)
    except OtherSuite as other:
        decision = _judge_on_its_suite(engine, candidate, alias, other, params_file, root)
    carry_out(engine, decision, root)
    return decision


def _judge_on_its_suite(
    engine: sa.Engine, candidate: str, alias: str, other: OtherSuite, params_file: Path, root: Path
) -> Decision:
    """Judge once more, with the champion evaluated on the present suite; a refusal where that does not help."""
    try:
        with reading(engine) as session:
            champion = session.get_one(Checkpoint, other.champion_id)
            folder, phase = folder_of(session, champion, root), champion.phase
        evaluate_champion(other.champion_id, folder, phase, load_params(params_file), root)
        sync(engine, root)
        with reading(engine) as session:
            return judge(session, candidate, alias, root)
    except OtherSuite as still:
        reason = f"{still}; the present params and tables are not those that the candidate was evaluated with"
    except MovaError as error:
        reason = f"{other}, and it could not be evaluated on the candidate's: {error}"
    with reading(engine) as session:
        return refusal(session, candidate, alias, reason, root)


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
