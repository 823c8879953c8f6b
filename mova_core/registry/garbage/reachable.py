"""Which checkpoints are still needed, and what each was trained from."""

from collections.abc import Collection, Iterable, Iterator

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mova_core.registry.database.tables import Alias, Artifact, Checkpoint, Job, Promotion, Run


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


def _with_origins(session: Session, first: Iterable[str]) -> set[str]:
    """These checkpoints, those that they were trained from, and all checkpoints of the runs."""
    waiting, needed, followed = list(first), set[str](), set[str]()
    while waiting:
        if (checkpoint_id := waiting.pop()) in followed:
            continue
        followed.add(checkpoint_id)
        needed.add(checkpoint_id)
        checkpoint = session.get(Checkpoint, checkpoint_id)
        if checkpoint is None or checkpoint.run_id is None:
            continue
        run = session.get_one(Run, checkpoint.run_id)
        needed |= set(session.scalars(sa.select(Checkpoint.checkpoint_id).where(Checkpoint.run_id == run.run_id)))
        if run.start_checkpoint is not None:
            waiting.append(run.start_checkpoint)
    return needed
