"""Imports the classes that we use of diffusers without what they bring along and we do not use, to start faster.

diffusers imports `torch._dynamo` (more than half of its import time) for transformer blocks of its own, peft (a second
when a model is saved) for adapters, and transformers (a second) for a base class of its quantizers; we use none of
them. diffusers works without them where they cannot be imported. This module therefore makes them unimportable while
diffusers is imported, and importable again afterwards.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

UNUSED = {"torch._dynamo", "peft"}
QUANTIZERS = {"transformers"}  # diffusers itself notes at its start whether there is one


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

    with _unimportable(QUANTIZERS):
        from diffusers.models.modeling_utils import ModelMixin
        from diffusers.utils.accelerate_utils import apply_forward_hook

__all__ = ["ConfigMixin", "ModelMixin", "apply_forward_hook", "register_to_config"]
