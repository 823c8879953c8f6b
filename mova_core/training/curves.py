"""`curves.jsonl`: a record for every optimizer step, one JSON object a line; the same for two runs of one training.

    step, expert (joint phases), lr (of the towers), grad_norm, loss
    video, audio                 mean loss of the modality over the batch
    video_bins, audio_bins       mean loss per tenth of sigma, null where no sample of the step fell
    validation                   where it was measured: loss, video, audio, of the averaged weights on fixed noise
    skipped                      why the step did not move the weights (`health.py`); a value that is not finite is null

A run that goes on from a checkpoint keeps the records before it and writes the later ones again.
"""

import json
import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from mova_core.errors import StaleError
from mova_core.storage.atomic import write_text

CURVES_FILE = "curves.jsonl"
SIGMA_BINS = 10
DIGITS = 6


class Curves:
    """The open file of a run.

    Args:
        path: the file.
        steps_done: records before this step are kept.

    Raises:
        StaleError: there are fewer.
    """

    def __init__(self, path: Path, steps_done: int) -> None:
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        if len(lines) < steps_done:
            raise StaleError(
                f"{path} has {len(lines)} lines, the checkpoint beside it is at step {steps_done}: remove "
                f"{path.parent} to train from the start"
            )
        write_text(path, "".join(line + "\n" for line in lines[:steps_done]))
        self._file = path.open("a", encoding="utf-8")

    def __enter__(self) -> "Curves":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def write(self, record: Mapping[str, Any]) -> None:
        """Add a step's log record."""
        self._file.write(json.dumps(rounded(record), allow_nan=False) + "\n")

    def flush(self) -> None:
        """Put the records on disk: before a checkpoint that counts on them."""
        self._file.flush()
        os.fsync(self._file.fileno())


def read_curves(path: Path) -> list[dict[str, Any]]:
    """The records of a run."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def learned(records: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of the steps that moved the weights."""
    return [record for record in records if "skipped" not in record]


def rounded(value: Any) -> Any:
    """A value as the curves hold it: six digits, null for what is not finite."""
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: rounded(item) for key, item in value.items()}
    return [rounded(item) for item in value] if isinstance(value, list) else value
