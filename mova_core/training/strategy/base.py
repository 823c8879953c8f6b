"""How a model is laid over processes and devices: the training loop knows this interface and nothing behind it.

A strategy holds the model, the moving average of its weights and the optimizer. The loop hands it a loss, and asks for
what it logs and saves. Every process calls every method, in the same order.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from mova_core.params.model import ActivationCheckpointing, OptimizerParams, Precision
from mova_core.training.strategy.micro_batch import MicroBatch

Result = TypeVar("Result")
LossOf = Callable[[nn.Module, MicroBatch], tuple[Tensor, Result]]
"""Gives the loss of a micro-batch, and a result to return."""

WeightSource = Callable[[str], Tensor]
"""Gives the value of a parameter by its name, such as `audio_dit.blocks.0.ffn.0.weight`, one at a time."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What a strategy is made from, whatever its layout.

    Args:
        blueprint: the model on the meta device; its children are the components.
        weights: where its weights come from.
        optimizer: params of it.
        micro_batches: of this process.
        device: of this process.
        precision: of the model's computation; weights, gradients and moments are float32.
        checkpointing: what a forward pass keeps of its activations.
    """

    blueprint: nn.Module
    weights: WeightSource
    optimizer: OptimizerParams
    micro_batches: Sequence[MicroBatch]
    device: torch.device
    precision: Precision = "float32"
    checkpointing: ActivationCheckpointing = "none"


class Strategy(AbstractContextManager["Strategy"], ABC):
    """One layout of the training of one model.

    Args:
        setup: what it is made from.

    Attributes:
        module: the model that learns; its children are the components, named as in a model folder.
        model: what the loss is computed with: the module, or what wraps it.
        average: the moving average of its weights, which is validated and exported; the same layout.
        device: of this process.
        main: whether this process is the one that writes files and speaks.
    """

    module: nn.Module
    model: nn.Module
    average: nn.Module
    device: torch.device
    main: bool

    def __init__(self, setup: Setup) -> None:
        self._setup, self.device = setup, setup.device
        self.main = not dist.is_initialized() or dist.get_rank() == 0

    def backward(self, loss_of: LossOf[Result]) -> list[Result]:
        """Compute this process's micro-batches, and leave the mean gradient of the whole batch on the model.

        Returns:
            The result of each micro-batch of this process.
        """
        micro_batches, results = self._setup.micro_batches, []
        for micro_batch in micro_batches:
            self._synchronise(micro_batch is micro_batches[-1])
            loss, result = loss_of(self.model, micro_batch)
            self._differentiate(loss / len(micro_batches))
            results.append(result)
        return results

    def _synchronise(self, last: bool) -> None:
        """Whether the next backward pass, the last of a step, averages gradients over the processes."""

    def _differentiate(self, loss: Tensor) -> None:
        """Add the gradient of a part of the loss to the model's."""
        loss.backward()

    @abstractmethod
    def grad_norm(self) -> Tensor:
        """Norm of all gradients together, before they are clipped; to be asked for once, before `step`."""

    @abstractmethod
    def step(self, step: int, lr_multiplier: float) -> None:
        """Clip the gradients, move the weights and their average, and forget the gradients.

        Args:
            step: optimizer step, counted from 0.
            lr_multiplier: of every component's peak learning rate.
        """

    @abstractmethod
    def skip(self) -> None:
        """Forget the gradients; nothing moves."""

    @abstractmethod
    def gather(self, values: Tensor) -> Tensor:
        """Rows of every data rank, one after the other, on every process."""

    @abstractmethod
    def state(self) -> dict[str, Tensor]:
        """Everything that a checkpoint holds, of the parameters that learn: `model.NAME`, `ema.NAME` and
        `optimizer.NAME.MOMENT`.

        Tensors are this process's parts (DTensors where the layout shards them). A parameter that was never stepped,
        such as those of an expert whose turn has not come, has no moments.
        """

    @abstractmethod
    def load(self, state: Mapping[str, Tensor]) -> None:
        """Put back what `state` gave, each tensor onto its parameter's device; moments are taken over, not copied."""

    def wait(self) -> None:
        """Return when every process has come here."""
