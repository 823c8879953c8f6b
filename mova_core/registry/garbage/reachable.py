"""Which checkpoints the registry still needs: what aliases ever named, and what these were trained from."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mova_core.registry.database.tables import Alias, Checkpoint, Promotion, Run


def promoted_checkpoints(session: Session) -> set[str]:
    """Ids of the checkpoints that an alias ever named, of those that they were trained from, and of all their runs."""
    waiting = [*session.scalars(sa.select(Alias.checkpoint_id))]
    for promoted in session.execute(sa.select(Promotion.checkpoint_id, Promotion.champion_id)):
        waiting += filter(None, promoted)
    needed: set[str] = set()
    while waiting:
        checkpoint = session.get(Checkpoint, checkpoint_id := waiting.pop())
        if checkpoint_id in needed:
            continue
        needed.add(checkpoint_id)
        if checkpoint is None or checkpoint.run_id is None:
            continue
        run = session.get(Run, checkpoint.run_id)
        needed |= set(
            session.scalars(sa.select(Checkpoint.checkpoint_id).where(Checkpoint.run_id == checkpoint.run_id))
        )
        if run is not None and run.start_checkpoint is not None:
            waiting.append(run.start_checkpoint)
    return needed
