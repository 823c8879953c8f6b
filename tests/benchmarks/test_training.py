"""The loop that ours is measured against does the same training."""

import pytest

from benchmarks.baselines.bare_loop import made_batches, train_barely
from benchmarks.training.made_latents import write_latents
from benchmarks.training.parts import train_ours
from benchmarks.training.processes import WARM_UP_STEPS, steps_of
from mova_core.model.single_thread import single_thread
from mova_core.model.weights.fresh import preset_dual_tower
from mova_core.params import Params
from mova_core.params.model import TrainParams
from mova_core.training.curves import CURVES_FILE, read_curves
from mova_core.training.recipe import PHASES
from mova_core.training.run import batches_of

STEPS = 6
# What the bare loop leaves out: a course of the learning rate, and weights of the loss's parts.
PLAIN = {
    "optimizer": {"warmup_steps": 0, "stable_fraction": 1, "bridge_lr_factor": 1},
    "loss": {"first_latent_weight": 1},
}


def plain_params(phase: str, **changes: object) -> Params:
    return Params(train=TrainParams.model_validate({**PLAIN, phase: {"steps": STEPS, "batch": 4}, **changes}))


@pytest.mark.parametrize("phase", ["audio", "phase1", "phase3"])
@pytest.mark.parametrize("micro_batches", [1, 2])
def test_the_bare_loop_trains_on_the_same_batches_to_the_same_losses(tmp_path, phase, micro_batches):
    params = plain_params(phase, micro_batches=micro_batches)
    write_latents(tmp_path / "latents", PHASES[phase].geometry(params))
    batches = batches_of(PHASES[phase], params, tmp_path / "latents")
    with single_thread():
        train_ours(PHASES[phase], params, batches, tmp_path / "run")
        ready = made_batches(batches, STEPS)
        losses = train_barely(preset_dual_tower(params), ready, STEPS, params.train.optimizer)
    ours = [line["loss"] for line in read_curves(tmp_path / "run" / CURVES_FILE)]
    assert [float(loss) for loss in losses] == pytest.approx(ours, rel=1e-4)


def test_a_process_is_timed_on_the_steps_after_those_that_warm_up(tmp_path):
    params = plain_params("phase1")
    write_latents(tmp_path, PHASES["phase1"].geometry(params))
    with single_thread():
        seconds = steps_of(tmp_path, WARM_UP_STEPS + 1, params)
    assert seconds > 0
