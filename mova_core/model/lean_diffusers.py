"""What is used of diffusers, imported without torch's compiler.

diffusers loads `torch._dynamo`, more than half of its import's seconds, to mark transformer blocks of its own that
nothing here uses. Where the compiler cannot be imported it does without; so it is out of sight while diffusers looks
for it, and there again for whoever compiles a model later.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

COMPILER = "torch._dynamo"


@contextmanager
def _out_of_sight(module: str) -> Iterator[None]:
    """Let an import of a module fail meanwhile, unless it is already there."""
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment]  # as the import system documents it
    try:
        yield
    finally:
        del sys.modules[module]


with _out_of_sight(COMPILER):
    from diffusers.configuration_utils import ConfigMixin, register_to_config
    from diffusers.models.modeling_utils import ModelMixin

__all__ = ["ConfigMixin", "ModelMixin", "register_to_config"]
