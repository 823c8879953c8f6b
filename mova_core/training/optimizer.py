"""AdamW with a group a component, and the learning rate schedule.

The Bridge starts from random weights and learns faster. A component whose gradients are None in a step is left alone,
moments and weight decay included: so the idle expert does not move.
"""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from mova_core.params.model import OptimizerParams

BETAS = (0.9, 0.98)
MOMENTS = ("step", "exp_avg", "exp_avg_sq")
BRIDGE = "dual_tower_bridge"


def make_optimizer(components: Mapping[str, nn.Module], params: OptimizerParams) -> torch.optim.AdamW:
    """An optimizer of these components, by name; `peak_lr` of each group is its learning rate at multiplier 1."""
    groups = []
    for name, component in components.items():
        peak = params.lr * (params.bridge_lr_factor if name == BRIDGE else 1)
        groups.append({"params": list(component.parameters()), "name": name, "peak_lr": peak})
    return torch.optim.AdamW(groups, lr=params.lr, betas=BETAS, weight_decay=params.weight_decay, fused=True)


def lr_multiplier(step: int, steps: int, params: OptimizerParams, end: float) -> float:
    """Learning rate at a step, as a multiple of its peak: warm-up, stable, then linear to `end` at the last step.

    Args:
        step: counted from 0.
        steps: of the phase.
        params: warm-up steps and stable fraction.
        end: multiple at the last step, 0 to 1.
    """
    if step < params.warmup_steps:
        return (step + 1) / (params.warmup_steps + 1)
    decay_from = max(params.warmup_steps, round(params.stable_fraction * steps))
    if step <= decay_from or steps - 1 <= decay_from:
        return 1.0
    return 1 - (1 - end) * (step - decay_from) / (steps - 1 - decay_from)


def set_lr(optimizer: torch.optim.Optimizer, multiplier: float) -> None:
    """Put every group at this multiple of its peak."""
    for group in optimizer.param_groups:
        group["lr"] = group["peak_lr"] * multiplier


def moments(optimizer: torch.optim.Optimizer, components: Mapping[str, nn.Module]) -> dict[str, Tensor]:
    """The optimizer's state as tensors by name; nothing for parameters that were never stepped."""
    return {
        f"{name}.{moment}": value
        for name, parameter in _named(components)
        for moment, value in optimizer.state.get(parameter, {}).items()
    }


def set_moments(
    optimizer: torch.optim.Optimizer, components: Mapping[str, nn.Module], tensors: Mapping[str, Tensor]
) -> None:
    """Put back what `moments` gave, each tensor on its parameter's device (fused AdamW keeps `step` there too)."""
    for name, parameter in _named(components):
        if f"{name}.{MOMENTS[0]}" in tensors:
            optimizer.state[parameter] = {
                moment: tensors[f"{name}.{moment}"].to(parameter.device, copy=True) for moment in MOMENTS
            }


def _named(components: Mapping[str, nn.Module]) -> Iterator[tuple[str, nn.Parameter]]:
    for component_name, component in components.items():
        for name, parameter in component.named_parameters():
            yield f"{component_name}.{name}", parameter
