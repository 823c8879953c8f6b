"""The training in a process that a launcher may have started."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mova_core.child_process import end_with_parent
from mova_core.model.single_thread import single_thread
from mova_core.params import Params
from mova_core.training.checkpoints.uploads import uploads
from mova_core.training.launch.spec import is_started
from mova_core.training.loop import to_the_end
from mova_core.training.preflight import Places
from mova_core.training.recipe import Phase
from mova_core.training.run import prepare


def train(phase: Phase, params: Params, places: Places, out: Path | None, profile: int = 0) -> dict[str, Any]:
    """As `loop.train`, and checkpoints go to the artifact store where that is a bucket; see `call`."""
    return call(_train_and_upload, phase, params, places, out, profile)


def _train_and_upload(phase: Phase, params: Params, places: Places, out: Path | None, profile: int) -> dict[str, Any]:
    with single_thread():
        run = prepare(phase, params, places, out, profile)
        with uploads(run.folder, phase.name, run.fingerprint, params):
            return to_the_end(run)


def call(training: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any]:
    """Train; a process that a launcher started ends with it and leaves an error in the file that it reads."""
    if not is_started():
        return training(*arguments)
    from torch.distributed.elastic.multiprocessing.errors import record

    end_with_parent()
    summary: Mapping[str, Any] | None = record(training)(*arguments)
    return dict(summary or {})
