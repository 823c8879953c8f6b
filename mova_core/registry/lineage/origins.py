"""The rows behind a checkpoint: its run, the runs before it, and every version of data that these were trained on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from mova_core.registry.database.tables import LATENTS, Checkpoint, Dataset, Run

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
    steps = list(trained_from(session, checkpoint.checkpoint_id))
    checkpoints, runs = tuple(each for each, _ in steps), tuple(run for _, run in steps if run is not None)
    first_run = steps[-1][1]
    start = None if first_run is None else first_run.start_checkpoint
    unknown = None if start in {each.checkpoint_id for each in checkpoints} else start
    latents = [(f"{LATENTS}{geometry}", sha256) for run in runs for geometry, sha256 in run.latents.items()]
    return Origins(checkpoints, runs, unknown, dict(_versions(session, latents)))


def trained_from(session: Session, checkpoint_id: str) -> Iterator[tuple[Checkpoint, Run | None]]:
    """A checkpoint, then the one that its run started from and so on, each with its run; None: that is not here.

    It ends at a checkpoint that started from nothing or from one of which there is no row.
    """
    passed: set[str] = set()
    start: str | None = checkpoint_id
    while start is not None and start not in passed:
        passed.add(start)
        if (checkpoint := session.get(Checkpoint, start)) is None:
            return
        run = None if checkpoint.run_id is None else session.get_one(Run, checkpoint.run_id)
        yield checkpoint, run
        start = None if run is None else run.start_checkpoint


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
