"""LoRA fine-tuning on clips of one's own: the loop of a phase, with adapters in place of all weights.

`runs/lora/NAME/` is a run as any: it goes on after a stop, and one of other inputs is put aside. Its last averaged
weights become `models/lora/NAME/`, whose predecessor is put aside into `models/lora/kept/`.
"""

import sys
from pathlib import Path
from typing import Any

import torch

from mova_core.curation.engine.base import Engine
from mova_core.curation.own_clips.encode_clips import encode_own_clips
from mova_core.errors import StaleError
from mova_core.model.lora.adapter import Adapter, AdapterManifest, base_digests
from mova_core.model.lora.layers import file_key, save_adapter
from mova_core.model.pretrained.index import TOWER_COMPONENTS
from mova_core.model.single_thread import single_thread
from mova_core.registry.manifests import checkpoint_id_of
from mova_core.storage.atomic import make_folder
from mova_core.storage.code_version import code_version
from mova_core.storage.manifest import MANIFEST_FILE, read_manifest
from mova_core.training.checkpoints.checkpoint import Checkpoint
from mova_core.training.checkpoints.reader import CheckpointReader
from mova_core.training.checkpoints.retention import put_aside
from mova_core.training.curves import CURVES_FILE, learned, read_curves
from mova_core.training.loop import to_the_end
from mova_core.training.lora.dropout import WithDropout
from mova_core.training.lora.request import LoraRequest
from mova_core.training.lora.start import with_lora
from mova_core.training.monitor.watched import Watched
from mova_core.training.preflight import check_latents
from mova_core.training.run import Run, batches_of, objective_of, trained_on
from mova_core.training.start import start_of

THIS = "mova_core.training.lora.run"


def encode_clips(request: LoraRequest, engine: Engine) -> None:
    """Bring the latents of its clips up to date; errors as `encode_own_clips`."""
    geometry = request.phase.geometry(request.params)
    encode_own_clips(request.clips, request.phase.name, request.params, geometry, request.places.data, engine)


def train_lora(request: LoraRequest, profile: int = 0) -> dict[str, Any]:
    """Train an adapter to its last step, from wherever an earlier call was stopped; its clips are encoded.

    Returns:
        As `loop.train`, and `adapter` (folder).

    Raises:
        UsageError, StaleError, MovaError: as `loop.train`.
    """
    with single_thread():
        run = prepare(request, profile)
        summary = to_the_end(run)
    if not summary:
        return summary
    write_adapter(request, run, Checkpoint.read(Path(summary["checkpoint"])))
    return {**summary, "adapter": str(request.adapter), "text": _text(request, run, summary)}


def prepare(request: LoraRequest, profile: int = 0) -> Run:
    """Read and check everything that the training needs.

    Raises:
        UsageError, StaleError, MovaError: see `train_lora`.
    """
    phase, params, places, base = request.phase, request.params, request.places, request.base
    inputs = check_latents(phase, params, places) | {
        **request.described_inputs,
        "start_checkpoint": checkpoint_id_of(base),
        "start": base_digests(base),
        "code": code_version(THIS),
    }
    batches = batches_of(phase, params, places.latents(phase, params))
    objective, waited_s = objective_of(phase, params, batches)
    start = start_of(phase, params, dict.fromkeys(TOWER_COMPONENTS, base), batches.sizes())
    lora = params.train.lora
    start = with_lora(start, lora, params.seed)
    if lora.dropout:
        objective = WithDropout(objective, params.seed, phase.number)
    return Run(
        phase,
        params.seed,
        params.train,
        request.run,
        inputs,
        objective,
        start.blueprint,
        start.weights,
        Watched(phase, params, places.data, waited_s, profile),
        trained_on=trained_on(phase, params, places),
    )


def write_adapter(request: LoraRequest, run: Run, checkpoint: Checkpoint) -> None:
    """Write the averaged weights of a checkpoint as the adapter; one of other inputs is put aside, not removed."""
    folder = request.adapter
    make_folder(folder.parent)
    there = None
    if (folder / MANIFEST_FILE).is_file():
        there = read_manifest(folder / MANIFEST_FILE, AdapterManifest)[0].fingerprint
    if aside := put_aside(folder, there, run.fingerprint):
        print(f"{folder} was trained from other inputs, params or code: it is kept as {aside}", file=sys.stderr)
    if _is_whole(folder):
        return
    reader = CheckpointReader(checkpoint)
    prefix = "ema."
    tensors = {
        name: torch.empty(stored.size, dtype=stored.properties.dtype)
        for name, stored in reader.stored.items()
        if name.startswith(prefix)
    }
    reader.into(tensors, alone=True)
    manifest = AdapterManifest(
        phase=run.phase.name,
        fingerprint=run.fingerprint,
        base=run.inputs["start"],
        base_checkpoint=run.inputs["start_checkpoint"],
        clips=run.inputs["clips"],
        latents=run.inputs["latents_index"],
        params=run.params.lora.model_dump(mode="json"),
        seed=run.seed,
        trained_on=list(run.trained_on),
    )
    by_key = {file_key(name.removeprefix(prefix)): tensor for name, tensor in tensors.items()}
    save_adapter(folder, by_key, run.params.lora, manifest)


def _is_whole(folder: Path) -> bool:
    if not folder.exists():
        return False
    try:
        Adapter.read(folder)
    except StaleError:
        return False
    return True


def _text(request: LoraRequest, run: Run, summary: dict[str, Any]) -> str:
    first = learned(read_curves(run.folder / CURVES_FILE))[0]["loss"]
    took = f" in {summary['seconds']:.0f} s" if summary["seconds"] else " (was there already)"
    skipped = f", {summary['skipped']} steps skipped" if summary["skipped"] else ""
    return (
        f"{request.name}: {summary['steps']} steps on {len(request.clips)} clips{took}, loss {first:.3f} → "
        f"{summary['loss']:.3f}{skipped}; use it with `mova generate --checkpoint {request.base} --lora "
        f"{request.adapter}`"
    )
