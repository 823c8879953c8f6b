"""The rows behind a checkpoint: its run, the runs before it, and every version of data that these were trained on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from mova_core.registry.database.tables import Checkpoint, Dataset, Run

DatasetKey = tuple[str, str]  # name, sha256


@dataclass(frozen=True, slots=True)
class Origins:
    """All that the registry knows of what a checkpoint came from.

    Args:
        checkpoints: itself, then those that its run and the runs before started from, as far as they are known.
        runs: of these checkpoints, the latest first.
        unknown_start: id of a checkpoint that the first of these runs started from, of which there is no row.
        datasets: every version of a table or of latents behind the runs; None: not recorded here.
    """

    checkpoints: tuple[Checkpoint, ...]
    runs: tuple[Run, ...]
    unknown_start: str | None
    datasets: dict[DatasetKey, Dataset | None]


def origins(session: Session, checkpoint: Checkpoint) -> Origins:
    """Follow a checkpoint back to where nothing more is known."""
    checkpoints: list[Checkpoint] = []
    runs: list[Run] = []
    each: Checkpoint | None = checkpoint
    start: str | None = None
    while each is not None and each not in checkpoints:
        checkpoints.append(each)
        run = None if each.run_id is None else session.get_one(Run, each.run_id)
        if run is not None:
            runs.append(run)
        start = None if run is None else run.start_checkpoint
        each = None if start is None else session.get(Checkpoint, start)
    latents = [(f"latents/{geometry}", sha256) for run in runs for geometry, sha256 in run.latents.items()]
    unknown = start if each is None else None
    return Origins(tuple(checkpoints), tuple(runs), unknown, dict(_versions(session, latents)))


def _versions(session: Session, first: Sequence[DatasetKey]) -> Iterator[tuple[DatasetKey, Dataset | None]]:
    """These versions and all that they were made from; an input that is no table (a codec) is passed over."""
    waiting, met = list(first), set(first)
    while waiting:
        key = waiting.pop()
        dataset = session.get(Dataset, key)
        yield key, dataset
        for name, sha256 in ({} if dataset is None else dataset.inputs).items():
            parent = (name, sha256)
            if parent not in met and isinstance(sha256, str) and session.get(Dataset, parent) is not None:
                met.add(parent)
                waiting.append(parent)
