"""Which checkpoints and runs stay: the newest and the best of a run, and every run of other inputs, put aside."""

import shutil
from pathlib import Path

from mova_core.places import CHECKPOINTS, KEPT_RUNS
from mova_core.registry.manifests import CHECKPOINT_ID_DIGITS
from mova_core.storage.manifest import MANIFEST_FILE, Manifest, read_manifest
from mova_core.training.checkpoints.checkpoint import NAME, best, finished, remedy


def remove_older(folder: Path, keep: int) -> None:
    """Remove all but the newest `keep` and the one of the lowest validation loss."""
    checkpoints = finished(folder)
    stay = [*checkpoints[-keep:], best(checkpoints)]
    for checkpoint in checkpoints:
        if checkpoint not in stay:
            shutil.rmtree(checkpoint.folder)


def make_way(run: Path, fingerprint: str) -> Path | None:
    """Put a run of other inputs, params or code aside, and bring back the one of this fingerprint if it lies there.

    Nothing is removed: `mova registry gc` lists what may go.

    Args:
        run: the run's folder.
        fingerprint: of the run that is to be there.

    Returns:
        Where the run lies that was there before; None if there was none, or it is the one asked for.

    Raises:
        StaleError: a checkpoint without a readable manifest.
    """
    return put_aside(run, _fingerprint_of(run / CHECKPOINTS), fingerprint)


def put_aside(folder: Path, there: str | None, wanted: str) -> Path | None:
    """As `make_way`, of any folder that is named by what it was made from.

    Args:
        folder: the place.
        there: fingerprint of what lies in it; None for nothing.
        wanted: of what is to lie there.
    """
    if there == wanted:
        return None
    aside = None
    if there is not None:
        aside = place_aside(folder, there)
        aside.parent.mkdir(exist_ok=True)
        folder.rename(aside)
    if (earlier := place_aside(folder, wanted)).is_dir() and not folder.exists():
        earlier.rename(folder)
    return aside


def is_on_this_machine(run: Path, fingerprint: str) -> bool:
    """Whether a checkpoint of this fingerprint lies in the run's folder, or where it was put aside.

    Raises:
        StaleError: a checkpoint without a readable manifest.
    """
    return _fingerprint_of(run / CHECKPOINTS) == fingerprint or place_aside(run, fingerprint).is_dir()


def place_aside(run: Path, fingerprint: str) -> Path:
    """Where `make_way` puts a run of this fingerprint aside, and looks for it."""
    return run.parent / KEPT_RUNS / f"{run.name}-{fingerprint[:CHECKPOINT_ID_DIGITS]}"


def kept_runs(run: Path) -> list[Path]:
    """Earlier runs in place of this one that were put aside."""
    return sorted((run.parent / KEPT_RUNS).glob(f"{run.name}-*"))


class _AnyVersion(Manifest):
    """What the manifest of a checkpoint always said, whatever version wrote it."""

    step: int
    fingerprint: str


def _fingerprint_of(checkpoints: Path) -> str | None:
    """Of the newest checkpoint; None where there is none."""
    folders = [path for path in checkpoints.glob("*") if NAME.fullmatch(path.name)]
    read = [read_manifest(path / MANIFEST_FILE, _AnyVersion, remedy(path))[0] for path in folders]
    return max(read, key=lambda manifest: manifest.step).fingerprint if read else None
