"""The training loop of one phase: gradients of a batch, check finite, step, log, maybe validate and save.

It knows the run (`run.py`), what is minimised (`objective.py`) and how the model is laid over processes
(`strategy/base.py`), each by its interface.
"""

import sys
import time
from contextlib import ExitStack, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mova_core.errors import MovaError
from mova_core.model.single_thread import single_thread
from mova_core.params import Params
from mova_core.training.checkpoints.checkpoint import Checkpoint, finished
from mova_core.training.checkpoints.reader import restore
from mova_core.training.checkpoints.retention import kept_runs
from mova_core.training.checkpoints.saver import CheckpointSaver
from mova_core.training.curves import CURVES_FILE, Curves, learned, read_curves, rounded
from mova_core.training.health import Health
from mova_core.training.loss import per_bin
from mova_core.training.monitor.monitor import Monitor, open_samples
from mova_core.training.monitor.plots import write_plots
from mova_core.training.monitor.profile import check_steps_to_profile, profile_summary
from mova_core.training.monitor.usage import adding_usage
from mova_core.training.objective import Objective, StepLoss
from mova_core.training.optimizer import lr_multiplier
from mova_core.training.preflight import Places
from mova_core.training.recipe import Phase
from mova_core.training.run import Run, is_finished, prepare, resume_point, write_run_manifest
from mova_core.training.strategy.base import Strategy
from mova_core.training.strategy.choose import open_strategy
from mova_core.training.strategy.micro_batch import MicroBatch


def train(phase: Phase, params: Params, places: Places, out: Path | None = None, profile: int = 0) -> dict[str, Any]:
    """Train one phase to its last step, from wherever an earlier call was stopped.

    Args:
        phase: which.
        params: of the project.
        places: what it reads, and where runs are.
        out: folder of a trial.
        profile: how many steps are profiled.

    Returns:
        `checkpoint` (folder), `steps`, `loss` (mean of the last tenth), `validation`, `skipped` (steps), `seconds`,
        `kept_runs` (folders of earlier runs of the phase), `text`; `warnings` where clips are few; `profile` where it
        was asked for.

    Raises:
        UsageError, StaleError, MovaError: inputs that cannot be trained on, see `check_inputs` and `ClipReader`; a
            damaged checkpoint; more skipped steps than params allow.
    """
    with single_thread():
        return to_the_end(prepare(phase, params, places, out, profile))


def to_the_end(run: Run) -> dict[str, Any]:
    """Train what is left, and say how it went, see `train`; of several processes only the first says it."""
    begun = time.monotonic()
    with open_strategy(run.params, run.blueprint, run.weights, run.phase.params(run.params).batch) as strategy:
        if run.warning is not None and strategy.main:
            print(f"warning: {run.warning}", file=sys.stderr)
        start = resume_point(run, strategy)
        if run.watched.profile:
            left = run.phase.params(run.params).steps - (start.step if start is not None else 0)
            check_steps_to_profile(run.watched.profile, left, run.folder)
        if start is not None and is_finished(run, start):
            return _summary(run, start, seconds=0.0)
        with adding_usage(run.run_id):
            last = _train(run, start, strategy)
        if strategy.main:
            write_plots(run.folder)
            write_run_manifest(run)
        strategy.wait()
        return _summary(run, last, seconds=time.monotonic() - begun) if strategy.main else {}


def _train(run: Run, start: Checkpoint | None, strategy: Strategy) -> Checkpoint:
    own, optimizing, saving = run.phase.params(run.params), run.params.optimizer, run.params.checkpoints
    save_every = getattr(saving.save_every, run.phase.name)
    if start is not None:
        restore(start, strategy)
    first_step = start.step if start is not None else 0
    with ExitStack() as opened:
        saver = opened.enter_context(CheckpointSaver(run.checkpoints, saving.keep, strategy))
        curves = opened.enter_context(Curves(run.folder / CURVES_FILE, first_step)) if strategy.main else None
        strategy.wait()  # until the records beyond the checkpoint are gone
        records = read_curves(run.folder / CURVES_FILE)
        health = Health(run.params.health, run.phase.name, records)
        monitor = Monitor(run.watched, run.folder, records, strategy.device) if strategy.main else None
        opened.enter_context(monitor or nullcontext())
        samples = open_samples(run.watched, strategy.average, strategy.device, run.folder, run.run_id)
        for step in range(first_step, own.steps):
            losses = strategy.backward(partial(_loss_of, run.objective, step))
            grad_norm = strategy.grad_norm()
            multiplier = lr_multiplier(step, own.steps, optimizing, own.lr_end)
            record = _log_record(step, losses, multiplier * optimizing.lr, grad_norm, strategy)
            if fault := health.fault(record["loss"], record["grad_norm"]):
                record["skipped"] = fault
                strategy.skip()
            else:
                strategy.step(step, multiplier)

            done = step + 1
            if done % saving.validate_every == 0 or done == own.steps:
                with torch.inference_mode():
                    record["validation"] = run.objective.validation(strategy.average, strategy.device)
            if samples is not None:
                samples.after(done, strategy.main)
            kept = rounded(record)
            if curves is not None:
                curves.write(kept)
            if monitor is not None:
                monitor.note(kept)
            health.note(kept)
            saver.check()
            if done % save_every == 0 or done == own.steps:
                if curves is not None:
                    curves.flush()
                saver.save(run.checkpoint_manifest(done, record.get("validation")))
    strategy.wait()
    return finished(run.checkpoints)[-1]


def _loss_of(objective: Objective, step: int, model: nn.Module, micro_batch: MicroBatch) -> tuple[Tensor, StepLoss]:
    loss = objective.step_loss(model, step, micro_batch)
    return loss.total, loss


def _log_record(step: int, losses: list[StepLoss], lr: float, grad_norm: Tensor, strategy: Strategy) -> dict[str, Any]:
    """A record of the curves, over the whole batch: gathered at once, and copied from the device at once."""
    own_SX = torch.stack([_as_row(loss) for loss in losses])  # a row a micro-batch
    gathered_SX = strategy.gather(own_SX)
    values = torch.cat([grad_norm.reshape(1).to(gathered_SX.device), gathered_SX.flatten()]).cpu()
    norm, rows_SX = values[0], values[1:].view(gathered_SX.shape)
    record: dict[str, Any] = {"step": step, "lr": lr, "grad_norm": float(norm)}
    record["loss"] = float(rows_SX[:, 0].contiguous().mean())
    if losses[0].expert is not None:
        record["expert"] = losses[0].expert
    columns = rows_SX[:, 1:].chunk(2 * len(losses[0].modalities), dim=1)
    for name, loss_SB, sigma_SB in zip(losses[0].modalities, columns[::2], columns[1::2], strict=True):
        loss_B, sigma_B = loss_SB.flatten(), sigma_SB.flatten()
        counts_B = ~loss_B.isnan()
        loss_B, sigma_B = loss_B[counts_B], sigma_B[counts_B]
        record[name] = float(loss_B.mean())
        record[f"{name}_bins"] = per_bin(loss_B, sigma_B)
    return record


def _as_row(loss: StepLoss) -> Tensor:
    """What is minimised, then of each modality the losses and the noise levels of all samples."""
    samples = [tensor for each in loss.modalities.values() for tensor in (each.loss_B, each.sigma_B)]
    return torch.cat([loss.total.detach().reshape(1), *samples])


def _summary(run: Run, last: Checkpoint, seconds: float) -> dict[str, Any]:
    records = read_curves(run.folder / CURVES_FILE)
    moved = learned(records)
    if not moved:
        raise MovaError(f"every step of {run.phase.name} was skipped ({records[-1]['skipped']}): nothing was learned")
    tail = moved[-max(1, len(moved) // 10) :]
    loss = sum(record["loss"] for record in tail) / len(tail)
    skipped = len(records) - len(moved)
    validation = next((record["validation"] for record in reversed(records) if record.get("validation")), None)
    took = f" in {seconds:.0f} s" if seconds else " (was there already)"
    held_out = f", {validation['loss']:.3f} on validation clips" if validation else ""
    kept = [str(path) for path in kept_runs(run.folder)]
    passed_over = f", {skipped} steps skipped" if skipped else ""
    progress = f"loss {moved[0]['loss']:.3f} → {loss:.3f}{held_out}{passed_over}"
    profile = profile_summary(run.folder) if run.watched.profile else None
    told = f"; earlier runs are kept: {', '.join(kept)} (`mova registry gc` lists what may go)" if kept else ""
    return {
        "checkpoint": str(last.folder),
        "steps": last.step,
        "loss": loss,
        "validation": validation,
        "skipped": skipped,
        "seconds": round(seconds, 1),
        "kept_runs": kept,
        "warnings": [] if run.warning is None else [run.warning],
        **({} if profile is None else {"profile": profile}),
        "text": f"{run.phase.name}: {last.step} steps{took}, {progress}{told}"
        + (f"\n{profile['operators']}\ntrace of the profiled steps: {profile['trace']}" if profile else ""),
    }
