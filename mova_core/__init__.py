"""What the system knows. `from mova_core import MovaPipeline` loads torch only when it is asked for."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mova_core.sampling.pipeline import MovaPipeline

__all__ = ["MovaPipeline"]

_MODULES = {"MovaPipeline": "mova_core.sampling.pipeline"}  # a stage that imports the package does not depend on them


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
