"""AdamW with a group a component, the learning rate schedule, and that of the moving average.

The Bridge starts from random weights and learns faster. A component whose gradients are None in a step is left alone,
moments and weight decay included: so the idle expert does not move.
"""

from collections.abc import Mapping

import torch
from torch import nn

from mova_core.params.model import OptimizerParams

BETAS = (0.9, 0.98)
MOMENTS = ("step", "exp_avg", "exp_avg_sq")
BRIDGE = "dual_tower_bridge"


def make_optimizer(
    components: Mapping[str, nn.Module], params: OptimizerParams, kind: type[torch.optim.AdamW] = torch.optim.AdamW
) -> torch.optim.AdamW:
    """An optimizer of these components, by name; `peak_lr` of each group is its learning rate at multiplier 1."""
    groups = []
    for name, component in components.items():
        peak = params.lr * (params.bridge_lr_factor if name == BRIDGE else 1)
        groups.append({"params": list(component.parameters()), "name": name, "peak_lr": peak})
    return kind(groups, lr=params.lr, betas=BETAS, weight_decay=params.weight_decay, fused=True)


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


def ema_decay(step: int, decay: float) -> float:
    """The decay of the moving average after a step: lower at first, so that the start is forgotten in time.

    average = decay * average + (1 - decay) * weights.

    Args:
        step: counted from 0.
        decay: that it rises to, in [0, 1).
    """
    return min(decay, (1 + step) / (10 + step))
