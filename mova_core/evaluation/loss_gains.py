"""What a phase gained on held-out clips: over the weights that it started from, and by its Bridge.

The loss is training's own, of the averaged weights, clip by clip with the noise and the noise levels of its validation,
which are always the same: two models, or one with and without the Bridge, differ by nothing else. The interval is a
paired bootstrap over clips. Weights that learned nothing gain nothing, whatever their loss is.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mova_core.errors import MovaError
from mova_core.evaluation.catalogue import CATALOGUE
from mova_core.evaluation.measure import entry, entry_of
from mova_core.evaluation.measuring.aggregate import Aggregate
from mova_core.evaluation.measuring.metric import Need
from mova_core.evaluation.scoring.paired import paired_difference
from mova_core.model.towers.audio_tower import TextToAudio
from mova_core.model.towers.dual_tower import DualTower
from mova_core.model.weights.blueprint import in_memory
from mova_core.params import Params
from mova_core.params.evaluation import EvaluateParams
from mova_core.registry.manifests import Metric
from mova_core.training.objective import Objective
from mova_core.training.preflight import Places
from mova_core.training.recipe import Phase
from mova_core.training.run import prepare

OVER_START, BY_BRIDGE = "loss_gain_over_start", "loss_gain_by_bridge"
ANOTHER_RUN = (
    "it was trained from other inputs, params or code than there are now, so the weights that it started from are not "
    "known: run `mova train` again"
)


@dataclass(frozen=True, slots=True)
class StartLosses:
    """The weights that a phase starts from, on its validation clips.

    Args:
        phase: which.
        run: fingerprint of the run that starts from them.
        objective: its loss.
        losses_N: of each clip.
    """

    phase: Phase
    run: str
    objective: Objective
    losses_N: Tensor


def start_losses(phase: Phase, params: Params, places: Places) -> StartLosses | str:
    """Those of the present params, latents and selected models; or why there are none."""
    try:
        run = prepare(phase, params, places)
        in_memory(run.blueprint, run.weights)
        with torch.inference_mode():
            losses_N = run.objective.clip_losses(run.blueprint.eval(), torch.device("cpu"))
        return StartLosses(phase, run.fingerprint, run.objective, losses_N)
    except MovaError as error:
        return str(error)


def loss_gains(
    towers: DualTower, run: str | None, start: StartLosses | str, section: EvaluateParams
) -> dict[str, Metric]:
    """Both gains of a model; unavailable, with the reason, where it is not of the present run.

    Args:
        towers: of the model.
        run: fingerprint of its run.
        start: what the run's first weights lose.
        section: size and seed of the bootstrap.
    """
    if isinstance(start, str) or run != start.run:
        reason = start if isinstance(start, str) else ANOTHER_RUN
        return {name: entry(name, unavailable=reason) for name in (OVER_START, BY_BRIDGE)}
    device, joint = next(towers.parameters()).device, start.phase.joint
    model: nn.Module = towers if joint else TextToAudio(towers.audio_dit)
    with torch.inference_mode():
        reached = start.objective.clip_losses(model, device).cpu()
        without = start.objective.clip_losses(model, device, bridge=False).cpu() if joint else None
    by_bridge = (
        entry(BY_BRIDGE, unavailable=Need.VIDEO.value)
        if without is None
        else _gain(BY_BRIDGE, without, reached, section)
    )
    return {OVER_START: _gain(OVER_START, start.losses_N, reached, section), BY_BRIDGE: by_bridge}


def _gain(name: str, before_N: Tensor, after_N: Tensor, section: EvaluateParams) -> Metric:
    """Loss of each clip before less that after."""
    before, after = before_N.tolist(), after_N.tolist()
    if not bool((before_N - after_N).isfinite().all()):
        return entry(name, unavailable="the loss of a validation clip is no number")
    ones = [(loss, 1.0) for loss in before], [(loss, 1.0) for loss in after]
    found = paired_difference(CATALOGUE[name], *ones, [None] * len(before), section)
    if found.value is None or found.low is None or found.high is None:
        return entry(name, unavailable=f"there are {found.pairs} validation clips, expected 2 or more")
    return entry_of(name, Aggregate(found.value, (found.low, found.high), found.pairs, found.pairs), 0.0)
