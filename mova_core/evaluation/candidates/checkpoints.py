"""The checkpoints of a phase's run that are kept: its candidates. Light: it imports no torch."""

from mova_core.errors import UsageError
from mova_core.places import CHECKPOINTS
from mova_core.training.checkpoints.checkpoint import Checkpoint, finished
from mova_core.training.preflight import Places
from mova_core.training.recipe import Phase


def kept_checkpoints(phase: Phase, places: Places) -> list[Checkpoint]:
    """All of them, oldest first, every file verified.

    Raises:
        UsageError: no checkpoint yet.
        StaleError: one is truncated, tampered with, or has no readable manifest.
    """
    folder = places.run(phase) / CHECKPOINTS
    checkpoints = finished(folder)
    if not checkpoints:
        raise UsageError(f"{folder} holds no checkpoint: run `mova train {phase.name}` first")
    for checkpoint in checkpoints:
        checkpoint.verify()
    return checkpoints
