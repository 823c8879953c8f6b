"""The training in a process that a launcher may have started."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mova_core.child_process import end_with_parent
from mova_core.params import Params
from mova_core.training import loop
from mova_core.training.launch.spec import is_started
from mova_core.training.preflight import Places
from mova_core.training.recipe import Phase


def train(phase: Phase, params: Params, places: Places, out: Path | None, profile: int = 0) -> dict[str, Any]:
    """As `loop.train`; see `call`."""
    return call(loop.train, phase, params, places, out, profile)


def call(training: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any]:
    """Train; a process that a launcher started ends with it and leaves an error in the file that it reads."""
    if not is_started():
        return training(*arguments)
    from torch.distributed.elastic.multiprocessing.errors import record

    end_with_parent()
    summary: Mapping[str, Any] | None = record(training)(*arguments)
    return dict(summary or {})
