"""`mova evaluate PHASE`: every kept checkpoint of a run is evaluated, and the best one chosen by the phase's gates.

    metrics.json, samples/, clips.jsonl …    of the chosen one, as `evaluate.py` and `scoring/files.py` say
    samples/tasks/*.mp4                      after the last phase, a clip of every task by the chosen one
    candidates/CHECKPOINT/                   the same files of the other one that was evaluated on the whole suite
    candidates.json                          all candidates, as `record.py` says
Of more than two checkpoints, each is first evaluated on a small part of the suite, and the best two of them on all of
it; two are both evaluated on all of it at once. The same weights, params and data give the same bytes.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mova_core.evaluation.candidates.checkpoints import kept_checkpoints
from mova_core.evaluation.candidates.complete import complete_evaluation
from mova_core.evaluation.candidates.load import load_candidate
from mova_core.evaluation.candidates.ranking import Judged, judged_by_gates, ranked
from mova_core.evaluation.candidates.record import CANDIDATES_FILE, CANDIDATES_FOLDER, candidates_record
from mova_core.evaluation.evaluate import evaluate_model
from mova_core.evaluation.phase_inputs import PhaseInputs
from mova_core.model.single_thread import single_thread
from mova_core.params import Params
from mova_core.registry.manifests import EvaluationManifest
from mova_core.storage.atomic_folder import atomic_folder
from mova_core.storage.manifest import write_manifest
from mova_core.training.checkpoints.checkpoint import Checkpoint
from mova_core.training.preflight import Places
from mova_core.training.recipe import Phase

EVALUATED_WHOLE = 2  # candidates that the whole suite is generated from


def evaluate_phase(phase: Phase, params: Params, places: Places, reports: Path) -> dict[str, Any]:
    """Evaluate the kept checkpoints of a phase's run.

    Args:
        phase: which.
        params: all sections.
        places: where data and runs lie.
        reports: folder of evaluations; this one's is named by the phase.

    Returns:
        What the chosen one's metrics.json holds.

    Raises:
        UsageError, StaleError, MovaError: see `kept_checkpoints`, `load_candidate`, `PhaseInputs.of` and
            `evaluate_model`.
    """
    checkpoints = kept_checkpoints(phase, places)
    with single_thread(), atomic_folder(reports / phase.name, replace=True) as folder:
        inputs = PhaseInputs.of(phase, params, places)
        small = _by_small_part(checkpoints, inputs) if len(checkpoints) > EVALUATED_WHOLE else []
        by_id = {checkpoint.checkpoint_id: checkpoint for checkpoint in checkpoints}
        finalists = [by_id[each.checkpoint_id] for each in reversed(small[:EVALUATED_WHOLE])] or checkpoints
        judged, results = [], {}
        for checkpoint in finalists:  # the likeliest last: its model is then still in memory
            model = load_candidate(checkpoint, params, places.data)
            made = folder / CANDIDATES_FOLDER / model.checkpoint_id
            made.mkdir(parents=True)
            results[model.checkpoint_id] = evaluate_model(model, inputs, made)
            judged.append(_judged(checkpoint, results[model.checkpoint_id], inputs))
        whole = ranked(judged)
        chosen = whole[0].checkpoint_id
        _move_up(folder, chosen)
        if model.checkpoint_id != chosen:
            model = load_candidate(by_id[chosen], params, places.data)
        result = complete_evaluation(model, inputs, folder, results[chosen])
        write_manifest(folder / CANDIDATES_FILE, candidates_record(phase.name, small, whole, folder))
    return result


def _by_small_part(checkpoints: Sequence[Checkpoint], inputs: PhaseInputs) -> list[Judged]:
    """Each checkpoint by the small part of the suite, the best first."""
    judged, small = [], inputs.small
    for checkpoint in checkpoints:
        with TemporaryDirectory() as folder:
            model = load_candidate(checkpoint, inputs.params, inputs.places.data)
            result = evaluate_model(model, small, Path(folder), f"rank/step {checkpoint.step}")
        judged.append(_judged(checkpoint, result, small))
    return ranked(judged)


def _judged(checkpoint: Checkpoint, result: Mapping[str, Any], inputs: PhaseInputs) -> Judged:
    evaluation = EvaluationManifest.model_validate(result)
    return judged_by_gates(checkpoint, evaluation, inputs.params)


def _move_up(folder: Path, chosen: str) -> None:
    """The chosen one's files take their place; what the other candidates left stays in their folders."""
    of_chosen = folder / CANDIDATES_FOLDER / chosen
    for path in of_chosen.iterdir():
        path.rename(folder / path.name)
    of_chosen.rmdir()
    if not any(of_chosen.parent.iterdir()):
        of_chosen.parent.rmdir()
