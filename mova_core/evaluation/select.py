"""`mova select PHASE`: judge a run's last checkpoint by its evaluation; write its model if every gate passed.

    models/PHASE/                    the model of the averaged weights, as a model folder
    models/PHASE/selection.json      the decision, every gate, and size and sha256 of every file; written last
A checkpoint that fails leaves selection.json alone in the folder: no later stage can start from it.
"""

from pathlib import Path
from typing import Any

from mova_core.errors import MovaError, StaleError, UsageError
from mova_core.evaluation.candidate import candidate_checkpoint
from mova_core.evaluation.catalogue import SYNTHETIC
from mova_core.evaluation.gates import Gate, in_a_line, judge, table
from mova_core.params import Params
from mova_core.registry.manifests import METRICS_FILE, SELECTION_FILE, EvaluationManifest
from mova_core.storage.atomic_folder import atomic_folder
from mova_core.storage.manifest import file_entries, read_manifest, write_manifest
from mova_core.training.checkpoints.checkpoint import Checkpoint
from mova_core.training.export import parts_of, write_model
from mova_core.training.preflight import Places
from mova_core.training.recipe import Phase


def select(phase: Phase, params: Params, places: Places, reports: Path) -> dict[str, Any]:
    """Judge the last checkpoint; write its model as a model folder if every gate passed.

    Returns:
        What selection.json holds, with `text`.

    Raises:
        UsageError: no checkpoint, or no evaluation of it.
        StaleError: the evaluation is of another checkpoint, or a file is damaged.
        MovaError: a gate failed; the decision is written.
    """
    path = reports / phase.name / METRICS_FILE
    if not path.is_file():
        raise UsageError(f"{path} is missing: run `mova evaluate {phase.name}` first")
    evaluation, evaluation_sha256 = read_manifest(path, EvaluationManifest)
    checkpoint = candidate_checkpoint(phase, places)
    parts = parts_of(checkpoint, params, places.data)
    if (evaluation.phase, evaluation.checkpoint_id) != (phase.name, checkpoint.checkpoint_id):
        raise StaleError(
            f"{path} is of checkpoint {evaluation.checkpoint_id} of {evaluation.phase}, the run's last one is "
            f"{checkpoint.checkpoint_id} of {phase.name}: run `mova evaluate {phase.name}` again"
        )
    gates = judge(phase.name, evaluation.suite.name == SYNTHETIC, params.select, evaluation.metrics)
    failed = [gate for gate in gates if not gate.passed]
    selection = {
        "phase": phase.name,
        "checkpoint_id": checkpoint.checkpoint_id,
        "manifest_sha256": checkpoint.manifest_sha256,
        "evaluation_sha256": evaluation_sha256,
        "gates": [gate.described() for gate in gates],
        "passed": not failed,
        "reason": _reason(gates, failed, checkpoint),
    }
    target = places.models / phase.name
    if failed:
        with atomic_folder(target, replace=True) as temporary:
            write_manifest(temporary / SELECTION_FILE, selection | {"files": {}})
        raise MovaError(
            f"{target} holds no model: {selection['reason']}; the decision is in "
            f"{target / SELECTION_FILE}\n{table(gates)}"
        )
    write_model(checkpoint, "ema", params, parts, target, replace_old=True)
    write_manifest(target / SELECTION_FILE, selection | {"files": file_entries(target)})
    return {**selection, "folder": str(target), "text": f"{target}: {selection['reason']}\n{in_a_line(gates)}"}


def _reason(gates: list[Gate], failed: list[Gate], checkpoint: Checkpoint) -> str:
    which = f"step {checkpoint.step} ({checkpoint.checkpoint_id})"
    if not failed:
        return f"{which} passes {f'all {len(gates)} gates' if len(gates) > 1 else 'its gate'}"
    return f"{which} fails {len(failed)} of {len(gates)} gates ({', '.join(gate.name for gate in failed)})"
