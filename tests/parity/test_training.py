"""One training step: the loss that the loop minimises, and its gradients."""

import pytest
import torch

from mova_core.flow_matching.schedule import TRAINING_STEPS
from mova_core.model.towers.dual_tower import LatentPair
from mova_core.params.model import LossParams
from mova_core.training.data.clips import BatchContext
from mova_core.training.loss import PairLoss, pair_loss


def loss_of(dual_tower, case, which: str) -> PairLoss:
    timesteps = [case[f"in.{which}.timestep"], case[f"in.{which}.audio_timestep"]]
    return pair_loss(
        dual_tower,
        LatentPair(case["in.video_latents"], case["in.audio_latents"]),
        LatentPair(case["in.video_noise"], case["in.audio_noise"]),
        torch.stack(timesteps, dim=1) / TRAINING_STEPS,
        case["in.condition"],
        BatchContext(case["in.context"], torch.tensor([0])),
        expert="video_dit",
        video_fps=case.config["video_fps"],
    )


@pytest.mark.parametrize("which", ["same", "split"])  # one timestep for both modalities, or one each
def test_losses_and_gradients(golden, dual_tower, which):
    case = golden("training")
    loss = loss_of(dual_tower, case, which)
    case.check(f"out.{which}.video_loss", loss.video_B)
    case.check(f"out.{which}.audio_loss", loss.audio_B)
    case.check(f"out.{which}.loss_unweighted", loss.weighted(LossParams(audio_weight=1.0))[None])
    weight = case.config["audio_loss_weight"]
    total = loss.weighted(LossParams(audio_weight=weight))
    case.check(f"out.{which}.loss_weighted_{weight:g}", total[None])

    dual_tower.zero_grad()
    total.backward()
    gradients = {name: parameter.grad for name, parameter in dual_tower.named_parameters()}
    dual_tower.zero_grad()
    prefix = f"out.{which}.grad."
    for name in (key.removeprefix(prefix) for key in case.tensors if key.startswith(prefix)):
        case.check(prefix + name, gradients[name])
    for component, names in case.config["parameter_order"].items():
        norms = torch.stack([gradients[f"{component}.{name}"].norm() for name in names])
        case.check(f"out.{which}.gradnorm.{component}", norms)
