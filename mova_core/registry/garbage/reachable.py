"""Which checkpoints are still needed, and what each was trained from."""

from collections.abc import Collection, Iterable, Iterator

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mova_core.registry.database.tables import Alias, Artifact, Checkpoint, Job, Promotion
from mova_core.registry.lineage.origins import trained_from


def needed_checkpoints(session: Session, keep_last: int, deployed: Collection[str] = ()) -> set[str]:
    """Ids of all checkpoints whose bytes must stay.

    Args:
        session: any session of the registry.
        keep_last: how many checkpoints stay of those that an alias named last, and of those of a phase that were kept
            last, such as imported ones.
        deployed: ids that are served now.

    Returns:
        What an alias names, what is deployed, what made a clip of the service, the last `keep_last`; and of each what
        it was trained from and all checkpoints of these runs.
    """
    first = {*session.scalars(sa.select(Alias.checkpoint_id)), *deployed, *_served(session)}
    return _with_origins(session, {*first, *_last_named(session, keep_last), *_last_kept(session, keep_last)})


def _served(session: Session) -> Iterable[str]:
    """Checkpoints that made a clip of the service."""
    return filter(None, session.scalars(sa.select(Job.checkpoint_id).distinct()))


def _last_named(session: Session, keep_last: int) -> Iterator[str]:
    promoted = sa.select(Promotion).where(Promotion.outcome == "promoted").order_by(Promotion.event_id.desc())
    named: dict[str, list[str]] = {}
    for event in session.scalars(promoted):
        of_alias = named.setdefault(event.alias, [])
        for checkpoint_id in filter(None, (event.checkpoint_id, event.champion_id)):
            if checkpoint_id not in of_alias and len(of_alias) < keep_last:
                of_alias.append(checkpoint_id)
    for of_alias in named.values():
        yield from of_alias


def _last_kept(session: Session, keep_last: int) -> Iterator[str]:
    last = sa.func.max(Artifact.sequence)
    query = sa.select(Checkpoint.phase, Checkpoint.checkpoint_id).join(
        Artifact, Artifact.checkpoint_id == Checkpoint.checkpoint_id
    )
    latest_first = query.group_by(Checkpoint.phase, Checkpoint.checkpoint_id).order_by(
        last.desc(), Checkpoint.checkpoint_id
    )
    counts: dict[str, int] = {}
    for phase, checkpoint_id in session.execute(latest_first):
        counts[phase] = counts.get(phase, 0) + 1
        if counts[phase] <= keep_last:
            yield checkpoint_id


def _with_origins(session: Session, first: Collection[str]) -> set[str]:
    """These checkpoints, those that they were trained from, and all checkpoints of the runs."""
    needed, followed = set(first), set[str]()
    for checkpoint_id in first:
        for checkpoint, run in trained_from(session, checkpoint_id):
            if checkpoint.checkpoint_id in followed:
                break
            followed.add(checkpoint.checkpoint_id)
            if run is not None:
                of_run = sa.select(Checkpoint.checkpoint_id).where(Checkpoint.run_id == run.run_id)
                needed |= {*session.scalars(of_run), *filter(None, [run.start_checkpoint])}
    return needed
