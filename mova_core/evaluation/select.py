"""`mova select PHASE`: the model of the best evaluated checkpoint, if it passed every gate.

    models/PHASE/                    the model of the averaged weights, as a model folder
    models/PHASE/evaluation/         what it was selected by, clip by clip: a later candidate is compared with it
    models/PHASE/selection.json      the decision, every gate, and size and sha256 of every file; written last
Where none passes, selection.json is alone in the folder, with the best one's gates: no later stage can start from it.
"""

import shutil
from pathlib import Path
from typing import Any

from mova_core.errors import MovaError, StaleError, UsageError
from mova_core.evaluation.candidates.checkpoints import kept_checkpoints
from mova_core.evaluation.candidates.ranking import Judged, judged_by_gates, ranked
from mova_core.evaluation.candidates.record import CANDIDATES_FILE, CandidatesManifest
from mova_core.evaluation.gates import in_a_line, table
from mova_core.evaluation.scoring.files import CLIPS_FILE
from mova_core.evaluation.suites.suite import check_suite
from mova_core.params import Params
from mova_core.registry.manifests import EVALUATION_FOLDER, METRICS_FILE, SELECTION_FILE, EvaluationManifest
from mova_core.storage.atomic_folder import atomic_folder
from mova_core.storage.manifest import file_entries, read_manifest, write_manifest
from mova_core.training.checkpoints.checkpoint import Checkpoint
from mova_core.training.export import parts_of, write_model
from mova_core.training.preflight import Places
from mova_core.training.recipe import Phase


def select(phase: Phase, params: Params, places: Places, reports: Path) -> dict[str, Any]:
    """Judge the evaluated checkpoints; write the best one's model as a model folder if it passed every gate.

    Returns:
        What selection.json holds, with `text`.

    Raises:
        UsageError: no checkpoint, or no evaluation.
        StaleError: the evaluation is of other checkpoints or another suite, or by other gates, or a file is damaged.
        MovaError: a gate failed; the decision is written.
    """
    folder = reports / phase.name
    path = folder / METRICS_FILE
    if not path.is_file():
        raise UsageError(f"{path} is missing: run `mova evaluate {phase.name}` first")
    evaluation, evaluation_sha256 = read_manifest(path, EvaluationManifest)
    check_suite(path, evaluation.suite.name, params)
    checkpoints = {checkpoint.checkpoint_id: checkpoint for checkpoint in kept_checkpoints(phase, places)}
    candidates = _candidates(phase, folder, checkpoints)
    whole = ranked(_judged_again(candidates, folder, checkpoints, params))
    best = whole[0]
    if best.checkpoint_id != candidates.chosen:
        raise StaleError(
            f"{folder / CANDIDATES_FILE} chose {candidates.chosen}, by the present gates {best.checkpoint_id} is the "
            f"best: run `mova evaluate {phase.name}` again"
        )
    checkpoint = checkpoints[best.checkpoint_id]
    parts = parts_of(checkpoint, params, places.data)
    selection = {
        "phase": phase.name,
        "checkpoint_id": checkpoint.checkpoint_id,
        "manifest_sha256": checkpoint.manifest_sha256,
        "evaluation_sha256": evaluation_sha256,
        "gates": [gate.described() for gate in best.gates],
        "passed": best.passed,
        "reason": _reason(best, len(candidates.candidates)),
    }
    target = places.models / phase.name
    if not best.passed:
        with atomic_folder(target, replace=True) as temporary:
            write_manifest(temporary / SELECTION_FILE, selection | {"files": {}})
        raise MovaError(
            f"{target} holds no model: {selection['reason']}; the decision is in "
            f"{target / SELECTION_FILE}\n{table(best.gates)}"
        )
    write_model(checkpoint, "ema", params, parts, target, replace_old=True)
    (target / EVALUATION_FOLDER).mkdir()
    for name in (METRICS_FILE, CLIPS_FILE):
        shutil.copyfile(folder / name, target / EVALUATION_FOLDER / name)
    write_manifest(target / SELECTION_FILE, selection | {"files": file_entries(target)})
    return {**selection, "folder": str(target), "text": f"{target}: {selection['reason']}\n{in_a_line(best.gates)}"}


def _candidates(phase: Phase, folder: Path, checkpoints: dict[str, Checkpoint]) -> CandidatesManifest:
    """The record of the evaluation, which is of the run's present checkpoints.

    Raises:
        StaleError: it is not, or cannot be read.
    """
    again, path = f"run `mova evaluate {phase.name}` again", folder / CANDIDATES_FILE
    candidates, _ = read_manifest(path, CandidatesManifest, again)
    evaluated = {each.checkpoint_id for each in candidates.candidates}
    if candidates.phase != phase.name or evaluated != set(checkpoints):
        raise StaleError(
            f"{path} is of {', '.join(sorted(evaluated))} of {candidates.phase}, the run of {phase.name} keeps "
            f"{', '.join(checkpoints)}: {again}"
        )
    return candidates


def _judged_again(
    candidates: CandidatesManifest, folder: Path, checkpoints: dict[str, Checkpoint], params: Params
) -> list[Judged]:
    """Those that were evaluated on the whole suite, by the present gates.

    Raises:
        StaleError: an evaluation is not the recorded one.
    """
    judged = []
    for each in candidates.candidates:
        if each.full is None:
            continue
        path = folder / each.full.evaluation
        evaluation, sha256 = read_manifest(path, EvaluationManifest)
        if (evaluation.checkpoint_id, sha256) != (each.checkpoint_id, each.full.evaluation_sha256):
            raise StaleError(
                f"{path} is not the evaluation that {CANDIDATES_FILE} lists for {each.checkpoint_id}: run "
                f"`mova evaluate {candidates.phase}` again"
            )
        judged.append(judged_by_gates(checkpoints[each.checkpoint_id], evaluation, params))
    return judged


def _reason(best: Judged, candidates: int) -> str:
    which = f"step {best.step} ({best.checkpoint_id})"
    among = f", the best of {candidates} candidates," if candidates > 1 else ""
    failed = [gate.name for gate in best.gates if not gate.passed]
    if not failed:
        return f"{which}{among} passes {f'all {len(best.gates)} gates' if len(best.gates) > 1 else 'its gate'}"
    return f"{which}{among} fails {len(failed)} of {len(best.gates)} gates ({', '.join(failed)})"
