"""What our training loop costs beside a plain PyTorch loop, how long it waits for batches, and what a checkpoint adds.

On random latents of the nano shapes, with the present params. A run is as many steps as lie between two checkpoints,
and has one checkpoint and one validation in it.
"""

import statistics
import tempfile
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.baselines.bare_loop import made_batches, train_barely
from benchmarks.measure import Row, in_turn, row
from benchmarks.training import layouts
from benchmarks.training.made_latents import write_latents
from mova_core.model.single_thread import single_thread
from mova_core.model.towers.audio_tower import TextToAudio
from mova_core.model.weights.fresh import preset_dual_tower
from mova_core.params import Params
from mova_core.params.model import SaveEvery
from mova_core.places import DataFolder
from mova_core.training import loop
from mova_core.training.data.batches import AudioBatches, JointBatches
from mova_core.training.monitor.watched import Watched
from mova_core.training.recipe import PHASES, Phase
from mova_core.training.run import Run, batches_of, objective_of
from mova_core.training.strategy.choose import open_strategy

READY_BATCHES = 8  # that the bare loop goes through again and again
REPEATS = 3
WARM_UP_STEPS = 10
SAVING_STEPS, SAVE_EVERY = 60, 6  # of the benchmark of saving: often, so that it shows
STEPS = Params().train.checkpoints.save_every.phase1
MADE_INPUTS = {"latents_index": "0" * 64}
SAME_AS = {"phase2": "phase1"}  # the same sizes and batch: measured once


def loop_rows() -> list[Row]:
    """Our loop and a plain one, and its waiting for batches, in every phase."""
    with tempfile.TemporaryDirectory() as folder:
        times = {name: _measured(PHASES[name], Path(folder)) for name in PHASES if name not in SAME_AS}
    found = []
    for name, measured in times.items():
        found += [_overhead(name, measured), _wait(name, measured)]
    return found


def saving() -> list[Row]:
    """What a checkpoint adds to the time of the steps between two of them, while a thread writes it."""
    with tempfile.TemporaryDirectory() as folder:
        phase, latents = PHASES["phase1"], Path(folder, "latents")
        write_latents(latents, phase.geometry(Params()))
        runs: Iterator[int] = iter(range(1_000_000))

        def run(save_every: int) -> None:
            params = _params(phase, SAVING_STEPS)
            kept = params.train.checkpoints.model_copy(
                update={"save_every": SaveEvery(phase1=save_every), "validate_every": SAVING_STEPS}
            )
            params = Params(train=params.train.model_copy(update={"checkpoints": kept}))
            with single_thread():
                train_ours(phase, params, batches_of(phase, params, latents), Path(folder, f"{next(runs)}"))

        run(SAVING_STEPS)
        pairs = in_turn(lambda: run(SAVE_EVERY), lambda: run(SAVING_STEPS), REPEATS)
    more = SAVING_STEPS // SAVE_EVERY - 1  # the last one is in both
    of_a_step = [(often - once) / more / STEPS / (once / SAVING_STEPS) for often, once in pairs]
    seconds = statistics.median(often - once for often, once in pairs) / more
    return [
        row(
            "training.saving",
            of_a_step,
            against=f"a step without it: a checkpoint adds {1000 * seconds:.0f} ms, one every {STEPS} steps",
            better="lower",
            target=0.03,
            unit="share",
        )
    ]


PARTS: dict[str, Callable[[], list[Row]]] = {
    "loop": loop_rows,
    "saving": saving,
    "strategies": layouts.strategies,
    "memory": layouts.memory,
}


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of each repeat: our loop, its waiting for batches, the plain loop."""

    ours: list[float]
    waited: list[float]
    bare: list[float]


def train_ours(phase: Phase, params: Params, batches: AudioBatches | JointBatches, folder: Path) -> float:
    """Our loop from fresh weights to the phase's last step; curves and checkpoints are written to `folder`.

    Returns:
        Seconds that its steps waited for batches.
    """
    objective, waited_s = objective_of(phase, params, batches)
    towers = preset_dual_tower(params)
    model = towers if phase.joint else TextToAudio(towers.audio_dit)
    weights = dict(model.named_parameters())
    blueprint = deepcopy(model).to("meta")
    watched = Watched(phase, params, DataFolder(folder), waited_s)
    run = Run(phase, params.seed, params.train, folder, MADE_INPUTS, objective, blueprint, weights.__getitem__, watched)
    folder.mkdir()
    with open_strategy(params.train, blueprint, run.weights, phase.params(params.train).batch) as strategy:
        loop._train(run, None, strategy)
    return waited_s()


def _measured(phase: Phase, folder: Path) -> Times:
    params = _params(phase, STEPS)
    latents = folder / f"latents-{phase.name}"
    write_latents(latents, phase.geometry(params))
    batches = batches_of(phase, params, latents)
    ready = made_batches(batches, READY_BATCHES)
    runs: Iterator[int] = iter(range(1_000_000))
    waited: list[float] = []

    def ours(steps: int = STEPS) -> None:
        chosen = _params(phase, steps)
        with single_thread():  # as `mova train` does
            waited.append(train_ours(phase, chosen, batches, folder / f"{phase.name}-{next(runs)}"))

    def bare(steps: int = STEPS) -> None:
        train_barely(preset_dual_tower(params), ready, steps, params.train.optimizer)

    ours(WARM_UP_STEPS)
    bare(WARM_UP_STEPS)
    pairs = in_turn(ours, bare, REPEATS)
    return Times([mine for mine, _ in pairs], waited[1:], [other for _, other in pairs])  # the first warmed up


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
