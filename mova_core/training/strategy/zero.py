"""ZeRO by DeepSpeed: processes hold moments in parts; from stage 2 on gradients too, in stage 3 also the weights.

DeepSpeed is called directly: through accelerate it trains another model on processors. Its engine holds the model,
and torch's AdamW moves it, with a group a component. DeepSpeed would move the idle expert: stages 1 and 2 give its
group gradients of zero, so that moments fade and weight decay acts, stage 3 those of its last turn. So the optimizer
passes over the groups that had no gradient in a step, and what stage 3 keeps of gradients is cleared after each. That
is the same in every process and micro-batch, because the expert is a function of the step. A skipped step is one in
which every group is passed over.

The moving average is whole in stages 1 and 2, as the weights are; in stage 3 it is in the same parts as they.
bfloat16 is autocast over float32 weights, as in DDP: stage 3 gathers float32. DeepSpeed's own checkpoints are pickles
for one number of processes, so they are not used: the state is in rows, as FSDP2's (`zero_parts.py`).
Source: arXiv:1910.02054.
"""

import logging
import os
import warnings
from collections.abc import Iterable, Mapping
from copy import deepcopy
from functools import partial
from types import TracebackType
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh

from mova_core.training.optimizer import MOMENTS, ema_decay, make_optimizer, set_lr
from mova_core.training.strategy.activations import checkpoint_activations
from mova_core.training.strategy.base import LossOf, Result, Setup, Strategy, WeightSource
from mova_core.training.strategy.ddp import gather_rows
from mova_core.training.strategy.deepspeed_config import deepspeed_config
from mova_core.training.strategy.layout import WEIGHTS_IN_PARTS
from mova_core.training.strategy.torch_strategy import compute_in, fill
from mova_core.training.strategy.zero_parts import Part, held_part, optimizer_parts, partition, rows, together, whole


class SomeGroups(torch.optim.AdamW):
    """AdamW that passes over groups whose `learned` is false; DeepSpeed calls it for every group."""

    def step(self, closure: Any = None) -> Any:
        groups = self.param_groups
        self.param_groups = [group for group in groups if group["learned"]]
        try:
            return super().step(closure) if self.param_groups else None
        finally:
            self.param_groups = groups


class Zero(Strategy):
    """A model whose training state is in parts over the processes of the open process group.

    Args:
        stage: of ZeRO, 1 to 3.
        setup: what it is made from.
    """

    def __init__(self, stage: int, setup: Setup) -> None:
        super().__init__(setup)
        deepspeed = load_deepspeed(setup.device)
        deepspeed.init_distributed(dist.get_backend())
        self._stage, self._linear = stage, F.linear
        self._mesh = init_device_mesh(setup.device.type, (dist.get_world_size(),), mesh_dim_names=("shard",))
        self.module, self.average = deepcopy(setup.blueprint), setup.blueprint.requires_grad_(False)
        checkpoint_activations(self.module, setup.checkpointing)
        for model in (self.module, self.average):
            compute_in(setup.precision, model, setup.device)
        self._fill(setup.weights)
        self.module.train()
        self.average.eval()
        components = dict(self.module.named_children())
        self._client = make_optimizer(components, setup.optimizer, SomeGroups)
        config = deepspeed_config(stage, setup.optimizer.clip_norm)
        self._engine, self._zero, *_ = deepspeed.initialize(model=self.module, optimizer=self._client, config=config)
        self.model, self._engines = self._engine, [self._engine]
        if stage == WEIGHTS_IN_PARTS:  # an engine without an optimizer gathers weights and lets them go
            self._engines.append(deepspeed.initialize(model=self.average, config=config)[0])
        self._learned: set[str] = set()
        for name, component in components.items():
            for parameter in component.parameters():
                parameter.register_post_accumulate_grad_hook(partial(self._note, name))
        parts = dict(optimizer_parts(self._zero))
        self._parts = {name: parts[parameter] for name, parameter in self.module.named_parameters()}

    def _fill(self, weights: WeightSource) -> None:
        if self._stage == WEIGHTS_IN_PARTS:
            partition((self.module, self.average), weights, self.device)
            return
        for model in (self.module, self.average):
            model.to_empty(device=self.device)
        fill(self.module, weights)
        fill(self.average, dict(self.module.named_parameters()).__getitem__)

    def _note(self, component: str, _: Tensor) -> None:
        self._learned.add(component)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for engine in self._engines:
            engine.destroy()
        nn.functional.linear = self._linear  # stage 3 put its own there

    def backward(self, loss_of: LossOf[Result]) -> list[Result]:
        self._learned.clear()
        return super().backward(loss_of)

    def _synchronise(self, last: bool) -> None:
        self._engine.set_gradient_accumulation_boundary(last)

    def _differentiate(self, loss: Tensor) -> None:
        self._engine.backward(loss)

    def grad_norm(self) -> Tensor:
        gradients = [gradient for group in self._zero.averaged_gradients.values() for gradient in group]
        square = torch.nn.utils.get_total_norm(gradients).square()
        dist.all_reduce(square)
        return square.sqrt()

    def step(self, step: int, lr_multiplier: float) -> None:
        set_lr(self._client, lr_multiplier)
        self._move(self._learned)
        weight = 1 - ema_decay(step, self._setup.optimizer.ema_decay)
        torch._foreach_lerp_(self._held(self.average), self._held(self.module), weight)

    def skip(self) -> None:
        self._move(set())

    def _move(self, learned: set[str]) -> None:
        """DeepSpeed clips, moves these components, and forgets the gradients."""
        for group in self._client.param_groups:
            group["learned"] = group["name"] in learned
        self._engine.step()
        if self._stage == WEIGHTS_IN_PARTS:
            self._zero.grad_partitions_flat_buffer.zero_()

    def _held(self, model: nn.Module) -> list[Tensor]:
        """What this process holds of each weight."""
        parameters: Iterable[Any] = model.parameters()
        if self._stage == WEIGHTS_IN_PARTS:
            return [parameter.ds_tensor for parameter in parameters]
        return [parameter.detach() for parameter in parameters]

    def gather(self, values: Tensor) -> Tensor:
        return gather_rows(values)

    def wait(self) -> None:
        dist.barrier()

    def state(self) -> dict[str, Tensor]:
        tensors: dict[str, Tensor] = {}
        for kind, model in (("model", self.module), ("ema", self.average)):
            for name, parameter in model.named_parameters():
                tensors[f"{kind}.{name}"] = rows(self._whole(parameter), self._mesh)
        for name, part in self._parts.items():
            for moment, value in self._client.state.get(part.flat, {}).items():
                in_rows = value.clone() if value.dim() == 0 else rows(whole(part, value), self._mesh)
                tensors[f"optimizer.{name}.{moment}"] = in_rows
        return tensors

    def _whole(self, parameter: nn.Parameter) -> Tensor:
        if self._stage < WEIGHTS_IN_PARTS:
            return parameter.detach()
        part = held_part(parameter)
        return whole(part, part.flat)

    def load(self, state: Mapping[str, Tensor]) -> None:
        with torch.no_grad():
            averages = dict(self.average.named_parameters())
            for name, parameter in self.module.named_parameters():
                part, value = self._parts[name], together(state[f"model.{name}"])
                self._put(parameter, value)
                part.of(part.flat).copy_(part.cut(value))
                self._put(averages[name], together(state[f"ema.{name}"]))
                if f"optimizer.{name}.{MOMENTS[0]}" in state:
                    self._put_moments(part, {moment: state[f"optimizer.{name}.{moment}"] for moment in MOMENTS})

    def _put(self, parameter: nn.Parameter, value: Tensor) -> None:
        if self._stage < WEIGHTS_IN_PARTS:
            parameter.copy_(value)
        else:
            part = held_part(parameter)
            part.of(part.flat).copy_(part.cut(value))

    def _put_moments(self, part: Part, moments: Mapping[str, Tensor]) -> None:
        kept = self._client.state[part.flat]
        for moment, value in moments.items():
            if value.dim() == 0:
                kept[moment] = value.to(part.flat.device, copy=True)
            else:
                flat = kept.setdefault(moment, torch.zeros_like(part.flat, requires_grad=False))
                part.of(flat).copy_(part.cut(together(value)))


def load_deepspeed(device: torch.device) -> Any:
    """DeepSpeed's package, that compiles nothing and says no more than what is wrong."""
    os.environ.setdefault("DS_ACCELERATOR", device.type)
    os.environ.setdefault("TORCHDYNAMO_DISABLE", "1")  # else the import below loads torch's compiler: seconds
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its imports use what torch has deprecated
        import deepspeed
        import deepspeed.runtime.zero.muon.muon_optimizer  # which the engine asks for
    deepspeed.ops.__compatible_ops__ = {}  # else it compiles an all-reduce in shared memory, which takes a minute
    deepspeed.utils.logger.setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", "`torch.distributed.*` is deprecated", FutureWarning)  # it calls them
    return deepspeed
