"""Everything that a checkpoint reaches, read again and compared: `mova registry verify`."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mova_core.errors import MovaError
from mova_core.progress import track
from mova_core.registry.artifacts import stores
from mova_core.registry.database.connection import reading
from mova_core.registry.database.tables import Alias, Artifact, Checkpoint, Dataset, Evaluation, Promotion
from mova_core.registry.lineage.origins import origins
from mova_core.registry.references import find_checkpoint
from mova_core.registry.verify.artifacts import artifact_checks
from mova_core.registry.verify.check import Check, Fault, HashedFiles
from mova_core.registry.verify.log import log_faults
from mova_core.registry.verify.project import data_checks, evaluation_checks, run_checks


class FaultsFound(MovaError):
    """What is not as it was recorded, a sentence each."""

    def __init__(self, verified: "Verified") -> None:
        lines = [f"{len(verified.faults)} faults in {verified.files} files of {verified.checkpoints} checkpoints:"]
        super().__init__("\n  ".join([*lines, *verified.faults]))
        self.details = asdict(verified)


@dataclass(frozen=True, slots=True)
class Verified:
    """What was compared.

    Args:
        checkpoints: with those that they were trained from.
        files: that were read, or are missing.
        bytes: of them.
        events: of the log of promotions.
        faults: a sentence each.
    """

    checkpoints: int
    files: int
    bytes: int
    events: int
    faults: list[Fault]

    def summary(self) -> dict[str, Any]:
        """For `--json`, with a `text` for people.

        Raises:
            FaultsFound: there are faults.
        """
        if self.faults:
            raise FaultsFound(self)
        read = f"{self.checkpoints} checkpoints, {self.files} files, {self.bytes / 1e6:.1f} MB"
        return asdict(self) | {"text": f"{read}: all as recorded; the log of {self.events} promotions is whole"}


def verify(engine: sa.Engine, reference: str | None = None, root: Path = Path()) -> Verified:
    """Compare every byte that a checkpoint reaches with what was recorded, and check the log of promotions.

    Args:
        engine: the registry.
        reference: alias, id or model folder; None: all that an alias names and all that is kept.
        root: the project's folder.

    Raises:
        UsageError: the reference names nothing, or params.yaml cannot be read.
        MovaError: the artifact store does not answer.
    """
    with reading(engine) as session:
        first = _all_kept(session) if reference is None else [find_checkpoint(session, reference, root)]
        faults = list(log_faults(session))
        checks: list[Check] = []
        checkpoints: dict[str, Checkpoint] = {}
        for found in _checks(session, first, checkpoints, root):
            checks.append(found) if isinstance(found, Check) else faults.append(found)
        events = session.scalar(sa.select(sa.func.count()).select_from(Promotion)) or 0
    for check in track(checks, len(checks), "verify"):
        if (fault := check.run()) is not None:
            faults.append(fault)
    return Verified(len(checkpoints), len(checks), sum(check.bytes for check in checks), events, faults)


def _checks(
    session: Session, first: list[Checkpoint], checkpoints: dict[str, Checkpoint], root: Path
) -> Iterator[Check | Fault]:
    """All comparisons; `checkpoints` is filled with whom they are about, by id."""
    hashed, known, data = HashedFiles(), _known(session), dict[tuple[str, str], Dataset]()
    store = stores(root)[-1]  # the one that params name; it may be this machine's
    for checkpoint in first:
        behind = origins(session, checkpoint)
        checkpoints |= {each.checkpoint_id: each for each in behind.checkpoints}
        data |= {key: dataset for key, dataset in behind.datasets.items() if dataset is not None}
    for checkpoint in checkpoints.values():
        yield from artifact_checks(session, checkpoint, store, root, hashed)
        yield from run_checks(checkpoint, root, hashed)
        yield from evaluation_checks(session, checkpoint, known, root, hashed)
    yield from data_checks(list(data.values()), known, root, hashed)


def _all_kept(session: Session) -> list[Checkpoint]:
    kept = sa.union(sa.select(Alias.checkpoint_id), sa.select(Artifact.checkpoint_id)).subquery()
    query = sa.select(Checkpoint).where(Checkpoint.checkpoint_id.in_(sa.select(kept)))
    return list(session.scalars(query.order_by(Checkpoint.checkpoint_id)))


def _known(session: Session) -> Mapping[str, set[str]]:
    """Sha256 of all versions of tables, latents and evaluations, by path."""
    known: dict[str, set[str]] = defaultdict(set)
    for path, sha256 in session.execute(sa.select(Dataset.path, Dataset.sha256)):
        known[path].add(sha256)
    for path, sha256 in session.execute(sa.select(Evaluation.path, Evaluation.evaluation_id)):
        known[path].add(sha256)
    return known
