"""The training in a process that a launcher may have started."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mova_core.child_process import end_with_parent
from mova_core.params import Params
from mova_core.training import loop
from mova_core.training.launch.spec import is_started
from mova_core.training.preflight import Places
from mova_core.training.recipe import Phase


def train(phase: Phase, params: Params, places: Places, out: Path | None, profile: int = 0) -> dict[str, Any]:
    """As `loop.train`; started by a launcher, it ends with it and leaves an error in the file that it reads."""
    if not is_started():
        return loop.train(phase, params, places, out, profile)
    from torch.distributed.elastic.multiprocessing.errors import record

    end_with_parent()
    summary: Mapping[str, Any] | None = record(loop.train)(phase, params, places, out, profile)
    return dict(summary or {})
