"""The smallest strategy that a checkpoint can be made of."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from mova_core.params.model import OptimizerParams
from mova_core.training.checkpoints.checkpoint import CheckpointManifest
from mova_core.training.strategy.base import Setup
from mova_core.training.strategy.micro_batch import local_micro_batches
from mova_core.training.strategy.single import SingleProcess

CPU = torch.device("cpu")
ROWS = torch.arange(12.0).view(4, 3)


class Part(nn.Linear):
    """A component as far as checkpoints know one."""

    config_name = "config.json"

    def write_config(self, folder):
        folder.mkdir()
        (folder / self.config_name).write_text('{"_class_name": "Part"}\n')


class Two(nn.Module):
    """Two components, named as two of MOVA's."""

    def __init__(self) -> None:
        super().__init__()
        self.audio_dit, self.dual_tower_bridge = Part(3, 2), Part(3, 2)


@pytest.fixture
def towers() -> nn.Module:
    """That model."""
    return Two()


@pytest.fixture
def opened():
    """Function that opens a strategy of this model in one process."""

    def open_strategy() -> SingleProcess:
        torch.manual_seed(0)
        weights = dict(Two().named_parameters())
        micro_batches = local_micro_batches(1, 4, 0, 1, CPU)
        return SingleProcess(Setup(Two().to("meta"), weights.__getitem__, OptimizerParams(), micro_batches, CPU))

    return open_strategy


@pytest.fixture
def step() -> Callable[..., None]:
    """Function that makes one optimizer step of the components named."""

    def make(strategy: SingleProcess, number: int, *names: str) -> None:
        def loss_of(model, part):
            return sum(model.get_submodule(name)(ROWS[part.rows]).square().mean() for name in names), None

        strategy.backward(loss_of)
        strategy.grad_norm()
        strategy.step(number, 1.0)

    return make


@pytest.fixture
def manifest() -> Callable[..., CheckpointManifest]:
    """Function that gives the manifest of a step, without files."""

    def of(step: int, validation_loss: float | None = None, fingerprint: str = "f" * 64) -> CheckpointManifest:
        return CheckpointManifest(
            phase="phase1",
            step=step,
            fingerprint=fingerprint,
            latents="0" * 64,
            clips=4 * step,
            validation_loss=validation_loss,
        )

    return of
