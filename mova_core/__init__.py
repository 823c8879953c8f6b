"""What the system knows. `from mova_core import MovaPipeline` loads torch only when it is asked for."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mova_core.sampling.pipeline import MovaPipeline

__all__ = ["MovaPipeline"]


def __getattr__(name: str) -> Any:
    if name != "MovaPipeline":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from mova_core.sampling.pipeline import MovaPipeline

    return MovaPipeline
