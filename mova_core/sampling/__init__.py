"""From noise to a clip: guidance, solver, sampler, pipeline. Imported when first asked for: settings need no torch."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mova_core.sampling.guidance import dual_guidance
    from mova_core.sampling.pipeline import MovaPipeline

__all__ = ["MovaPipeline", "dual_guidance"]

_MODULES = {
    "MovaPipeline": "mova_core.sampling.pipeline",
    "dual_guidance": "mova_core.sampling.guidance",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
