"""Measure one file: the work of one worker, which may crash, hang or use too much memory without harm.

The file is decoded once, and every metric is asked. What each metric adds is JSON, kept so that a rerun goes on:
[numerator, denominator], {"rows": …} of embeddings, or {"unavailable": reason}, with "passing" where that may be gone
at the next try.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mova_core.errors import StaleError
from mova_core.evaluation.catalogue import CATALOGUE
from mova_core.evaluation.measure import clip_values
from mova_core.evaluation.measuring.context import Context
from mova_core.evaluation.measuring.metric import ClipValue
from mova_core.evaluation.scoring.video_file import read_video
from mova_core.measures.clip import Asked, Unavailable
from mova_core.speech.transcript import Transcript
from mova_core.storage.hashing import sha256_file

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FileTask:
    """A file to measure.

    Args:
        path: where it lies.
        sha256: of its bytes.
        asked: what it was asked to be.
        transcript: who says what in it, where that was given.
        metrics: names of those to measure.
        context: models that measure.
    """

    path: Path
    sha256: str
    asked: Asked
    transcript: Transcript | None
    metrics: tuple[str, ...]
    context: Context


def measure_file(task: FileTask) -> Values:
    """What the file adds to each metric, as JSON.

    Raises:
        MediaError: it cannot be decoded.
        StaleError: its bytes are not those of the task any more.
    """
    if sha256_file(task.path) != task.sha256:
        raise StaleError(f"{task.path} changed while it was measured: run again")
    clip = replace(read_video(task.path, task.asked), transcript=task.transcript)
    values = clip_values(clip, [CATALOGUE[name] for name in task.metrics], task.context)
    return {name: as_json(value) for name, value in values.items()}


def as_json(value: ClipValue) -> Any:
    """What a clip adds, as JSON."""
    if isinstance(value, Unavailable):
        return {"unavailable": value.reason} | ({"passing": True} if value.passing else {})
    return {"rows": np.atleast_2d(value).tolist()} if isinstance(value, np.ndarray) else list(value)


def from_json(stored: Any) -> ClipValue:
    """What a clip adds, as `as_json` wrote it."""
    if isinstance(stored, Mapping):
        reason = stored.get("unavailable")
        return Unavailable(reason) if reason is not None else np.array(stored["rows"], np.float32)
    numerator, denominator = stored
    return float(numerator), float(denominator)


def unavailable_in_all(metrics: Sequence[str], reason: str) -> Values:
    """Each metric unavailable for one reason, such as a file that does not decode."""
    return {name: {"unavailable": reason} for name in metrics}
