"""Imports the classes that we use of diffusers, without torch's compiler and without peft, to start faster.

diffusers imports `torch._dynamo` (more than half of its import time) for transformer blocks of its own, and peft (a
second when a model is saved) for adapters; we use neither. diffusers works without them where they cannot be imported.
This module therefore makes both unimportable while diffusers is imported, and importable again afterwards.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

UNUSED = {"torch._dynamo", "peft"}


@contextmanager
def _unimportable(modules: set[str]) -> Iterator[None]:
    """Within this context an import of these modules fails, unless they are already imported."""
    hidden = modules - sys.modules.keys()
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None, as the import system documents it
    try:
        yield
    finally:
        for module in hidden:
            del sys.modules[module]


with _unimportable(UNUSED):
    from diffusers.configuration_utils import ConfigMixin, register_to_config
    from diffusers.models.modeling_utils import ModelMixin

__all__ = ["ConfigMixin", "ModelMixin", "register_to_config"]
