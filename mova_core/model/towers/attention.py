"""Multi-head attention with RMS norm of queries and keys over all channels, before the split into heads.

Shape suffixes: B batch, S query tokens, K key tokens, D width, E width of the tokens attended to.
"""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from mova_core.errors import UsageError
from mova_core.model.pretrained.component import Component

Rotation = Callable[[Tensor], Tensor]
Attend = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Query, key and value of all heads [B, H, S or K, head_dim] to what each query finds."""
KeyValue = tuple[Tensor, Tensor]
"""Keys, normed, and values [B, K, D] of tokens that are attended to."""


class Attention(nn.Module):
    """Attention of x on y (or on itself); keys `q k v o norm_q norm_k` as in the released checkpoints.

    Args:
        dim: width D of the queries and of the result.
        num_heads: heads; D must be a multiple.
        eps: of the RMS norms.
        context_dim: width E of the tokens attended to; None for D.
    """

    kernel: Attend = staticmethod(F.scaled_dot_product_attention)  # see `Component.set_attention_backend`

    def __init__(self, dim: int, num_heads: int, eps: float = 1e-6, context_dim: int | None = None) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.q = nn.Linear(dim, dim)
        self.k = nn.Linear(context_dim or dim, dim)
        self.v = nn.Linear(context_dim or dim, dim)
        self.o = nn.Linear(dim, dim)
        self.norm_q = nn.RMSNorm(dim, eps=eps)
        self.norm_k = nn.RMSNorm(dim, eps=eps)

    def forward(
        self,
        x_BSD: Tensor,
        y_BKE: Tensor | KeyValue,
        rotate_q: Rotation | None = None,
        rotate_k: Rotation | None = None,
        y_of_B: Tensor | None = None,
        attend: Attend | None = None,
    ) -> Tensor:
        """Query x, key and value y; y may come as its keys and values, where these are known already.

        `y_of_B` names the row of y that each x attends to, so that what many share is projected once; None where
        every x has its own. `attend` is given where x and y are divided over processes.
        """
        query = self.norm_q(self.q(x_BSD)).unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
        key, value = self.key_value(y_BKE) if isinstance(y_BKE, Tensor) else y_BKE
        if y_of_B is not None:
            key, value = key.index_select(0, y_of_B), value.index_select(0, y_of_B)
        key = key.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
        value = value.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
        query = rotate_q(query) if rotate_q else query
        key = rotate_k(key) if rotate_k else key
        return self.o((attend or self.kernel)(query, key, value).transpose(1, 2).flatten(-2))

    def key_value(self, y_BKE: Tensor) -> KeyValue:
        """Keys and values of y, as `forward` takes them."""
        return self.norm_k(self.k(y_BKE)), self.v(y_BKE)


class AttentionComponent(Component):
    """A component with attention, whose kernel diffusers' dispatcher may choose."""

    def set_attention_backend(self, backend: str) -> None:
        """Let its attention be computed by another kernel.

        Args:
            backend: a name of diffusers' `AttentionBackendName`, such as native, flash, sage or xformers.

        Raises:
            UsageError: no such name, or what it needs is not installed.
        """
        # Imported only where another kernel is asked for: it takes a second.
        from diffusers.models.attention_dispatch import AttentionBackendName, attention_backend, dispatch_attention_fn

        try:
            with attention_backend(AttentionBackendName(backend)):
                pass  # it checks what the kernel needs
        except (ValueError, RuntimeError, ImportError) as error:
            raise UsageError(f"attention backend {backend!r} cannot be used: {error}") from None

        def kernel(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
            heads_last = (each.transpose(1, 2) for each in (query, key, value))
            return dispatch_attention_fn(*heads_last, backend=AttentionBackendName(backend)).transpose(1, 2)

        for module in self.modules():
            if isinstance(module, Attention):
                module.kernel = kernel
