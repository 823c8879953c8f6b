"""What is used of diffusers, imported without torch's compiler and without peft.

diffusers loads `torch._dynamo`, more than half of its import's seconds, to mark transformer blocks of its own that
nothing here uses, and peft, a second when a model is saved, for adapters that nothing here has. Where they cannot be
imported it does without; so they are out of sight while diffusers looks for them, and there again for others later.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

UNUSED = {"torch._dynamo", "peft"}


@contextmanager
def _out_of_sight(modules: set[str]) -> Iterator[None]:
    """Let an import of these modules fail meanwhile, unless they are already there."""
    hidden = modules - sys.modules.keys()
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None, as the import system documents it
    try:
        yield
    finally:
        for module in hidden:
            del sys.modules[module]


with _out_of_sight(UNUSED):
    from diffusers.configuration_utils import ConfigMixin, register_to_config
    from diffusers.models.modeling_utils import ModelMixin

__all__ = ["ConfigMixin", "ModelMixin", "register_to_config"]
