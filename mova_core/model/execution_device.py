"""Where a component computes, which is not where its weights lie while they wait."""

import torch
from torch import nn


def execution_device(module: nn.Module) -> torch.device:
    """Where a component computes: on the device that its offloading hook moves it to, else where its weights lie."""
    hook = getattr(module, "_hf_hook", None)
    device = getattr(hook, "execution_device", None)
    if device is None:
        device = getattr(module, "device", None)  # diffusers' and transformers' modules know of their own hooks
    return next(module.parameters()).device if device is None else torch.device(device)
