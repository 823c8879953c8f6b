"""Dropout of LoRA layers whose mask is a function of (seed, phase, step, micro-batch, layer), as all that is random.

torch's own takes the global generator, which threads share and a stopped run would have to save.
"""

import torch
from torch import Tensor, nn

from mova_core.training.objective import Objective, StepLoss
from mova_core.training.step_sampling import Stream, seed_of
from mova_core.training.strategy.micro_batch import MicroBatch


class SeededDropout(nn.Module):
    """Leaves out a share of its input while it trains, always the same under one seed.

    Args:
        share: in [0, 1).
    """

    seed = 0  # set for each step

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        generator = torch.Generator(x.device).manual_seed(self.seed)
        kept = torch.rand(x.shape, generator=generator, device=x.device) >= self.share
        return x * kept / (1 - self.share)


class WithDropout:
    """An objective whose model has such layers.

    Args:
        objective: what is minimised.
        seed: of everything random.
        phase: number of the phase.
    """

    def __init__(self, objective: Objective, seed: int, phase: int) -> None:
        self._objective, self._seed, self._phase = objective, seed, phase

    def step_loss(self, model: nn.Module, step: int, micro_batch: MicroBatch) -> StepLoss:
        layers = (layer for layer in model.modules() if isinstance(layer, SeededDropout))
        for place, layer in enumerate(layers):
            layer.seed = seed_of(self._seed, self._phase, Stream.LORA_DROPOUT, step, micro_batch.index, place)
        return self._objective.step_loss(model, step, micro_batch)

    def validation(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        return self._objective.validation(model, device)

    def clip_losses(self, model: nn.Module, device: torch.device, *, bridge: bool = True) -> Tensor:
        return self._objective.clip_losses(model, device, bridge=bridge)
