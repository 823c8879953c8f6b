"""What our training loop costs beside a plain PyTorch loop, and how long it waits for its batches.

On random latents of the nano shapes, with the present params. A run is as many steps as lie between two checkpoints,
and has one checkpoint and one validation in it.
"""

import statistics
import tempfile
import time
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn

from benchmarks.bare_loop import made_batches, train_barely
from benchmarks.measure import Row, in_turn, row
from mova_core.geometry import ClipGeometry
from mova_core.model.audio_tower import TextToAudio
from mova_core.model.nano_towers import CHANNELS, nano_dual_tower
from mova_core.model.single_thread import single_thread
from mova_core.model.text.nano_encoder import TEXT_WIDTH
from mova_core.model.text.prompt import NANO_CONTEXT_LENGTH
from mova_core.params import Params
from mova_core.params.model import JointPhaseParams
from mova_core.training import loop
from mova_core.training.data import LatentSet
from mova_core.training.objective import AudioObjective, JointObjective, Objective, StepLoss
from mova_core.training.recipe import PHASES, Phase
from mova_core.training.run import Run
from mova_core.training.strategy.choose import open_strategy
from mova_core.training.strategy.micro_batch import MicroBatch

CLIPS = {"train": 512, "validation": 48}
TEXTS = 32  # different captions: what the footage of the demo has
READY_BATCHES = 8  # that the bare loop goes through again and again
REPEATS = 3
WARM_UP_STEPS = 10
STEPS = Params().train.checkpoints.save_every
SAME_AS = {"phase2": "phase1"}  # the same sizes and batch: measured once


def rows() -> list[Row]:
    """Measure all of them."""
    with tempfile.TemporaryDirectory() as folder:
        times = {name: _measured(PHASES[name], Path(folder)) for name in PHASES if name not in SAME_AS}
    found = []
    for name, measured in times.items():
        found += [_overhead(name, measured), _wait(name, measured)]
    return found


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of each repeat: our loop, its waiting for batches, the plain loop."""

    ours: list[float]
    waited: list[float]
    bare: list[float]


@dataclass(frozen=True, slots=True)
class Watched:
    """An objective, and how long each micro-batch of a step was at work before the model was called.

    That is drawing noise, levels and dropouts, picking clips, contexts and conditions, and adding the noise.
    """

    objective: Objective
    waits: list[float] = field(default_factory=list)

    def step_loss(self, model: nn.Module, step: int, micro_batch: MicroBatch) -> StepLoss:
        begun = time.perf_counter()

        def called(*_: object) -> None:
            self.waits.append(time.perf_counter() - begun)

        hook = model.register_forward_pre_hook(called)
        try:
            return self.objective.step_loss(model, step, micro_batch)
        finally:
            hook.remove()

    def validation(self, model: nn.Module, device: torch.device) -> dict[str, float] | None:
        return self.objective.validation(model, device)


def made_clips(geometry: ClipGeometry) -> dict[str, LatentSet]:
    """Random latents and texts of both splits."""
    generator = torch.Generator().manual_seed(0)
    canvas = geometry.canvases[0]
    video = (CHANNELS, geometry.latent_frames, canvas.latent_height, canvas.latent_width)
    audio = (CHANNELS, geometry.audio_tokens * geometry.audio_latents_per_token)
    return {
        split: LatentSet(
            tuple(f"{number:016x}" for number in range(clips)),
            torch.randn(clips, *video, generator=generator),
            torch.randn(clips, *video, generator=generator),
            torch.randn(video, generator=generator),
            torch.randn(clips, *audio, generator=generator),
            torch.randn(TEXTS + 1, NANO_CONTEXT_LENGTH, TEXT_WIDTH, generator=generator),
            torch.arange(clips) % TEXTS,
        )
        for split, clips in CLIPS.items()
    }


def made_objective(phase: Phase, params: Params, sets: dict[str, LatentSet]) -> AudioObjective | JointObjective:
    """What a phase minimises, on made clips."""
    geometry, own = phase.geometry(params), phase.params(params.train)
    if not isinstance(own, JointPhaseParams):
        return AudioObjective(sets, own, params.seed, phase.number)
    return JointObjective(sets, own, params.train.loss, float(geometry.fps), params.seed, phase.number)


def train_ours(phase: Phase, params: Params, objective: Objective, folder: Path) -> None:
    """Our loop from fresh weights to the phase's last step; curves and checkpoints are written to `folder`."""
    towers = nano_dual_tower(params.seed)
    model = towers if phase.joint else TextToAudio(towers.audio_dit)
    weights = dict(model.named_parameters())
    blueprint = deepcopy(model).to("meta")
    run = Run(phase, params.seed, params.train, folder, {}, objective, blueprint, weights.__getitem__)
    folder.mkdir()
    with open_strategy(params.train, blueprint, run.weights, phase.params(params.train).batch) as strategy:
        loop._train(run, None, strategy)


def _measured(phase: Phase, folder: Path) -> Times:
    params = _params(phase, STEPS)
    sets = made_clips(phase.geometry(params))
    objective = made_objective(phase, params, sets)
    batches = made_batches(objective, READY_BATCHES)
    runs: Iterator[int] = iter(range(1_000_000))
    watched: list[Watched] = []

    def ours(steps: int = STEPS) -> None:
        watched.append(Watched(objective))
        with single_thread():  # as `mova train` does
            train_ours(phase, _params(phase, steps), watched[-1], folder / f"{phase.name}-{next(runs)}")

    def bare(steps: int = STEPS) -> None:
        train_barely(nano_dual_tower(params.seed), batches, steps, params.train.optimizer)

    ours(WARM_UP_STEPS)
    bare(WARM_UP_STEPS)
    pairs = in_turn(ours, bare, REPEATS)
    waited = [sum(each.waits) / params.train.micro_batches for each in watched[1:]]  # the first warmed up
    return Times([mine for mine, _ in pairs], waited, [other for _, other in pairs])


def _params(phase: Phase, steps: int) -> Params:
    section = Params().train
    own = phase.params(section).model_copy(update={"steps": steps})
    return Params(train=section.model_copy(update={phase.name: own}))


def _overhead(name: str, times: Times) -> Row:
    return row(
        f"training.loop_{name}",
        [mine / other for mine, other in zip(times.ours, times.bare, strict=True)],
        against=f"a plain loop (forward, loss, backward, clip, AdamW) with torch's {torch.get_num_threads()} threads, "
        f"{STEPS} steps of batches made beforehand: {1000 * statistics.median(times.bare) / STEPS:.1f} ms a step",
        better="lower",
        target=1.05,
    )


def _wait(name: str, times: Times) -> Row:
    return row(
        f"training.data_wait_{name}",
        [waited / mine for waited, mine in zip(times.waited, times.ours, strict=True)],
        against=f"the whole loop: {1000 * statistics.median(times.ours) / STEPS:.1f} ms a step",
        better="lower",
        target=0.01,
        unit="share",
    )
