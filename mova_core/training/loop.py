"""The training loop of one phase: loss and gradients of a batch, check finite, step, log, maybe validate and save.

A run folder holds `checkpoints/`, `curves.jsonl` and, written last, `manifest.json`. A stopped run goes on from its
last checkpoint and ends in the same bytes as one that never stopped; a run made from other inputs, params or code than
now is put aside, into `kept/` beside it, and comes back when they do. One process, or several under `torchrun` or
`accelerate launch`.
"""

import json
import sys
import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor

from mova_core.errors import MovaError, StaleError
from mova_core.model.codecs.nano.codec import NanoCodec
from mova_core.model.condition import condition_mask
from mova_core.model.dual_tower import DualTower
from mova_core.model.nano_towers import nano_dual_tower
from mova_core.model.single_thread import single_thread
from mova_core.params import Params
from mova_core.params.model import JointPhaseParams, TrainParams
from mova_core.progress import track
from mova_core.registry.manifests import CHECKPOINT_ID_DIGITS
from mova_core.storage.atomic import make_folder, write_text
from mova_core.storage.code_version import stage_version
from mova_core.storage.hashing import sha256_file, sha256_json
from mova_core.training.checkpoint import (
    CHECKPOINTS_FOLDER,
    Checkpoint,
    finished,
    kept_runs,
    last_checkpoint,
    make_way,
    remove_older,
    save,
)
from mova_core.training.curves import CURVES_FILE, Curves, read_curves
from mova_core.training.data import ImageConditions, LatentSet, load_latents
from mova_core.training.ema import Ema
from mova_core.training.loss import per_bin
from mova_core.training.objective import AudioObjective, JointObjective, Objective, StepLoss
from mova_core.training.optimizer import lr_multiplier, make_optimizer, moments, set_lr, set_moments
from mova_core.training.parallel import DataParallel, MicroBatch, local_micro_batches
from mova_core.training.preflight import Places, check_inputs, few_clips, run_folder
from mova_core.training.recipe import Phase

SCHEMA = "run/1"
MANIFEST_FILE = "manifest.json"


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
        towers: the weights it starts from.
        warning: what to tell the user before it starts; None for nothing.
    """

    phase: Phase
    seed: int
    params: TrainParams
    folder: Path
    inputs: dict[str, Any]
    objective: Objective
    towers: DualTower
    warning: str | None = None

    @property
    def checkpoints(self) -> Path:
        return self.folder / CHECKPOINTS_FOLDER

    @property
    def fingerprint(self) -> str:
        """Of all that decides the weights that come out."""
        own = self.phase.params(self.params)
        learning = own, self.params.model, self.params.optimizer, self.params.loss, self.params.micro_batches
        return sha256_json(self.phase.name, self.seed, self.inputs, learning, stage_version("train"))


def train(phase: Phase, params: Params, places: Places, out: Path | None = None) -> dict[str, Any]:
    """Train one phase to its last step, from wherever an earlier call was stopped.

    Returns:
        `checkpoint` (folder), `steps`, `loss` (mean of the last tenth), `validation`, `seconds`, `kept_runs` (folders
        of earlier runs of the phase), `text`; `warnings` where clips are few.

    Raises:
        UsageError, StaleError, MovaError: inputs that cannot be trained on, see `check_inputs` and `load_latents`; a
            damaged checkpoint; a loss or gradient that is not finite.
    """
    with single_thread():
        return _to_the_end(prepare(phase, params, places, out))


def _to_the_end(run: Run) -> dict[str, Any]:
    """Train what is left, and say how it went; of several processes only the first says it."""
    # Without `cpu` and without a GPU, Accelerate takes several processes for so many single ones.
    accelerator = Accelerator(cpu=not torch.cuda.is_available())
    micro_batches = local_micro_batches(run.params.micro_batches, run.phase.params(run.params).batch, accelerator)
    if run.warning is not None and accelerator.is_main_process:
        print(f"warning: {run.warning}", file=sys.stderr)
    begun = time.monotonic()
    start = _resume_point(run, accelerator)
    if start is not None and _is_finished(run, start):
        return _summary(run, start, seconds=0.0)
    last = _train(run, start, accelerator, micro_batches)
    if accelerator.is_main_process:
        _write_manifest(run)
    accelerator.wait_for_everyone()
    if not accelerator.is_main_process:
        return {}
    return _summary(run, last, seconds=time.monotonic() - begun)


def prepare(phase: Phase, params: Params, places: Places, out: Path | None = None) -> Run:
    """Read and check everything that training needs.

    Raises:
        UsageError, StaleError, MovaError: see `train`.
    """
    inputs = check_inputs(phase, params, places)
    geometry = phase.geometry(params)
    own = phase.params(params.train)
    sets = load_latents(places.latents(phase, params), phase, normalize_loudness=own.normalize_loudness)
    start = places.start(phase)
    towers = nano_dual_tower(params.seed, params.train.model) if start is None else DualTower.from_pretrained(start)
    objective: Objective
    if isinstance(own, JointPhaseParams):
        codec = NanoCodec.load(places.data.codec)
        first = ImageConditions.of(codec.video, geometry.canvases[0], geometry.latent_frames)
        objective = JointObjective(sets, own, params.train.loss, first, float(geometry.fps), params.seed, phase.number)
    else:
        objective = AudioObjective(sets, own, params.seed, phase.number)
    _check_sizes(towers, sets["train"], start)
    folder, warning = run_folder(phase, places, out), few_clips(phase, places.latents(phase, params))
    return Run(phase, params.seed, params.train, folder, inputs, objective, towers, warning)


def _train(run: Run, start: Checkpoint | None, accelerator: Accelerator, micro_batches: list[MicroBatch]) -> Checkpoint:
    own, optimizing, saving = run.phase.params(run.params), run.params.optimizer, run.params.checkpoints
    towers = run.towers.to(accelerator.device).train()
    components = {name: towers.get_submodule(name) for name in run.phase.trains}
    average = Ema(towers, optimizing.ema_decay, components)
    parameters = [parameter for component in components.values() for parameter in component.parameters()]
    optimizer = make_optimizer(components, optimizing)
    if start is not None:
        start.load_weights(towers, average.model)
        set_moments(optimizer, components, start.moments())
    first_step = start.step if start is not None else 0
    checkpoint = start

    main = accelerator.is_main_process
    with ExitStack() as opened:
        curves = opened.enter_context(Curves(run.folder / CURVES_FILE, first_step)) if main else None
        data_parallel = opened.enter_context(DataParallel(towers, micro_batches, accelerator))
        for step in _with_progress(range(first_step, own.steps), f"train@{run.phase.name}", main):
            losses = data_parallel.backward(partial(_loss_of, run.objective, step))
            grad_norm = accelerator.clip_grad_norm_(parameters, optimizing.clip_norm)
            _check_finite(run, step, losses, grad_norm)
            lr = lr_multiplier(step, own.steps, optimizing, own.lr_end)
            set_lr(optimizer, lr)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            average.update(towers, step)

            done = step + 1
            record = _log_record(step, losses, lr * optimizing.lr, grad_norm, accelerator)
            if done % saving.validate_every == 0 or done == own.steps:
                with torch.inference_mode():
                    record["validation"] = run.objective.validation(average.model, accelerator.device)
            if curves is None:
                continue
            curves.write(record)
            if done % saving.save_every == 0 or done == own.steps:
                curves.flush()
                state = moments(optimizer, components)
                checkpoint = save(run.checkpoints, done, run.fingerprint, towers, average.model, state)
                remove_older(run.checkpoints, saving.keep)
    accelerator.wait_for_everyone()
    return checkpoint or finished(run.checkpoints)[-1]


def _resume_point(run: Run, accelerator: Accelerator) -> Checkpoint | None:
    """The checkpoint to go on from; a run of other inputs, params or code is put aside."""
    with accelerator.main_process_first():
        if accelerator.is_main_process and (aside := make_way(run.folder, run.fingerprint)):
            print(f"{run.folder} was trained from other inputs, params or code: it is kept as {aside}", file=sys.stderr)
        make_folder(run.folder)
        checkpoint = last_checkpoint(run.checkpoints)
        if not _is_finished(run, checkpoint):
            (run.folder / MANIFEST_FILE).unlink(missing_ok=True)
        return checkpoint


def _is_finished(run: Run, checkpoint: Checkpoint | None) -> bool:
    at_the_end = checkpoint is not None and checkpoint.step == run.phase.params(run.params).steps
    return at_the_end and (run.folder / MANIFEST_FILE).exists()


def _loss_of(objective: Objective, step: int, towers: DualTower, micro_batch: MicroBatch) -> tuple[Tensor, StepLoss]:
    loss = objective.step_loss(towers, step, micro_batch)
    return loss.total, loss


def _check_finite(run: Run, step: int, losses: list[StepLoss], grad_norm: Tensor) -> None:
    """MovaError before the optimizer moves, if a loss or a gradient is not finite."""
    for what, value in (*(("loss", loss.total.detach()) for loss in losses), ("gradient norm", grad_norm)):
        if not bool(value.isfinite()):
            raise MovaError(
                f"{what} is {float(value)} at step {step} of {run.phase.name}, expected a finite number: the weights "
                "were not moved; lower train.optimizer.lr, or look at the latents"
            )


def _log_record(
    step: int, losses: list[StepLoss], lr: float, grad_norm: Tensor, accelerator: Accelerator
) -> dict[str, Any]:
    """A record of the curves, over the whole batch."""
    total_S = accelerator.gather(torch.stack([loss.total.detach() for loss in losses]))
    record: dict[str, Any] = {"step": step, "lr": lr, "grad_norm": float(grad_norm), "loss": float(total_S.mean())}
    if losses[0].expert is not None:
        record["expert"] = losses[0].expert
    for name in losses[0].modalities:
        parts = [loss.modalities[name] for loss in losses]
        loss_B = accelerator.gather(torch.cat([part.loss_B for part in parts])).cpu()
        sigma_B = accelerator.gather(torch.cat([part.sigma_B for part in parts])).cpu()
        record[name] = float(loss_B.mean())
        record[f"{name}_bins"] = per_bin(loss_B, sigma_B)
    return record


def _with_progress(steps: range, label: str, main: bool) -> Iterable[int]:
    return track(steps, len(steps), label) if main else steps


def _check_sizes(towers: DualTower, clips: LatentSet, start: Path | None) -> None:
    """StaleError unless the weights read latents and contexts of these widths."""
    video, audio, text = clips.video.shape[1], clips.audio.shape[1], clips.contexts.shape[2]
    with_condition = 2 * video + condition_mask(clips.video[:1]).shape[1]
    expected = {
        "video_dit": {"in_dim": with_condition, "out_dim": video, "text_dim": text},
        "video_dit_2": {"in_dim": with_condition, "out_dim": video, "text_dim": text},
        "audio_dit": {"in_dim": audio, "out_dim": audio, "text_dim": text},
    }
    for name, sizes in expected.items():
        config: Any = towers.get_submodule(name).config
        for field, size in sizes.items():
            if config[field] != size:
                raise StaleError(f"{start}/{name} has {field} {config[field]}, the latents need {size}: another model")


def _write_manifest(run: Run) -> None:
    """Write what the run was made from and made, last of all; `mova_core.registry.manifests` reads it."""
    checkpoints = [
        {
            "id": each.checkpoint_id,
            "step": each.step,
            "path": each.folder.relative_to(run.folder).as_posix(),
        }
        for each in finished(run.checkpoints)
    ]
    manifest = {
        "schema": SCHEMA,
        "phase": run.phase.name,
        "run_id": run.fingerprint[:CHECKPOINT_ID_DIGITS],
        "seed": run.seed,
        "params": {
            **run.phase.params(run.params).model_dump(),
            "optimizer": run.params.optimizer.model_dump(),
            "loss": run.params.loss.model_dump(),
        },
        "code": stage_version("train"),
        "inputs": run.inputs,
        "latents": {run.inputs["geometry"]: run.inputs["latents_index"]},
        "start_checkpoint": run.inputs["start_checkpoint"],
        "checkpoints": checkpoints,
        "curves": sha256_file(run.folder / CURVES_FILE),
    }
    write_text(run.folder / MANIFEST_FILE, json.dumps(manifest, indent=1) + "\n")


def _summary(run: Run, last: Checkpoint, seconds: float) -> dict[str, Any]:
    records = read_curves(run.folder / CURVES_FILE)
    tail = records[-max(1, len(records) // 10) :]
    loss = sum(record["loss"] for record in tail) / len(tail)
    validation = next((record["validation"] for record in reversed(records) if record.get("validation")), None)
    took = f" in {seconds:.0f} s" if seconds else " (was there already)"
    held_out = f", {validation['loss']:.3f} on validation clips" if validation else ""
    kept = [str(path) for path in kept_runs(run.folder)]
    progress = f"loss {records[0]['loss']:.3f} → {loss:.3f}{held_out}"
    told = f"; earlier runs are kept: {', '.join(kept)} (`mova gc` lists what may go)" if kept else ""
    return {
        "checkpoint": str(last.folder),
        "steps": last.step,
        "loss": loss,
        "validation": validation,
        "seconds": round(seconds, 1),
        "kept_runs": kept,
        "warnings": [] if run.warning is None else [run.warning],
        "text": f"{run.phase.name}: {last.step} steps{took}, {progress}{told}",
    }
