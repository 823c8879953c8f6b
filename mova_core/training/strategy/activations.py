"""What a forward pass keeps for its backward pass: everything, or less and the rest is computed again.

`full` keeps the inputs of each block and of each direction of the Bridge. `selective` also keeps the results of matrix
products, of attention, and of the exchanges between processes: what takes the time is not computed twice. What is
computed again is the same to the bit, so neither changes what is learned.
Source: arXiv:2205.05198, section 5.
"""

from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import CheckpointPolicy, checkpoint, create_selective_checkpoint_contexts

from mova_core.model.pretrained.component import Component
from mova_core.params.model import ActivationCheckpointing

aten = torch.ops.aten
KEPT = {
    aten.mm.default,
    aten.addmm.default,
    aten._scaled_dot_product_flash_attention_for_cpu.default,
    aten._scaled_dot_product_flash_attention.default,
    aten._scaled_dot_product_efficient_attention.default,
    aten._scaled_dot_product_cudnn_attention.default,
    torch.ops._c10d_functional.all_to_all_single.default,
}


def checkpoint_activations(model: nn.Module, kind: ActivationCheckpointing) -> None:
    """Let the components of a model, and the model itself if it is one, keep that much."""
    if kind == "none":
        return
    contexts: dict[str, Any] = {"context_fn": _selective} if kind == "selective" else {}
    recompute = partial(checkpoint, use_reentrant=False, preserve_rng_state=False, **contexts)
    for module in model.modules():
        if isinstance(module, Component):
            module.enable_gradient_checkpointing(recompute)


def _selective() -> Any:
    return create_selective_checkpoint_contexts(_policy)


def _policy(context: Any, operation: Any, *args: Any, **kwargs: Any) -> CheckpointPolicy:
    return CheckpointPolicy.MUST_SAVE if operation in KEPT else CheckpointPolicy.PREFER_RECOMPUTE
