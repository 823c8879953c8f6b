"""Rollback: an alias goes back to the checkpoint that it named before, as the log of promotions tells it.

A second rollback goes back one more; a promotion after a rollback starts from where the alias is then. Nothing moves
before every byte of what the alias goes back to, its package too where one is kept, was compared with its manifest.
"""

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mova_core.errors import UsageError
from mova_core.places import ARTIFACTS
from mova_core.registry.aliases import aliased_checkpoint
from mova_core.registry.artifacts import MODEL, PACKAGE, kept_folder, verify_artifact
from mova_core.registry.database.connection import reading
from mova_core.registry.database.tables import Checkpoint, Promotion
from mova_core.registry.promotion.log import check_chain
from mova_core.registry.promotion.promotion import Decision, carry_out
from mova_core.registry.references import folder_of

ROLLBACK = "rollback"  # key of a promotion's evidence


def roll_back(engine: sa.Engine, alias: str, root: Path = Path()) -> Decision:
    """Move an alias to the checkpoint before, and store that as a promotion.

    Args:
        engine: the registry.
        alias: such as `production`.
        root: the project's folder.

    Raises:
        UsageError: the alias names nothing, or there is nothing before it.
        StaleError: the weights of the checkpoint before are not on this machine or were altered, the log was altered,
            or the alias moved meanwhile. Nothing is moved then.
    """
    with reading(engine) as session:
        present = aliased_checkpoint(session, alias)
        check_chain(session)
        past = _past(session, alias, present)
        if not past:
            raise UsageError(f"alias {alias!r} has named only checkpoint {present}: there is nothing to go back to")
        _verify(session, session.get_one(Checkpoint, past[-1]), root)
    reason = f"{alias} goes back from checkpoint {present} to {past[-1]}."
    decision = Decision(alias, past[-1], present, "promoted", reason, {ROLLBACK: True})
    carry_out(engine, decision, root)
    return decision


def _verify(session: Session, checkpoint: Checkpoint, root: Path) -> None:
    """Compare the model that is kept of a checkpoint, and its package if there is one, with their manifests."""
    remedy = f"bring back {ARTIFACTS} from a backup, or promote another checkpoint"
    model = folder_of(session, checkpoint, root)
    verify_artifact(MODEL, model, remedy)
    if (package := kept_folder(session, PACKAGE, checkpoint.checkpoint_id, root)) is not None:
        verify_artifact(PACKAGE, package, remedy)


def _past(session: Session, alias: str, present: str) -> list[str]:
    """What the alias named before `present`, oldest first, without what was rolled back."""
    named: list[str] = []
    promoted = sa.select(Promotion).where(Promotion.alias == alias, Promotion.outcome == "promoted")
    for event in session.scalars(promoted.order_by(Promotion.event_id)):
        if event.evidence.get(ROLLBACK):
            del named[named.index(event.checkpoint_id) + 1 :]
            continue
        if event.champion_id is not None and event.champion_id not in named[-1:]:
            named.append(event.champion_id)  # the alias was moved without a promotion
        named.append(event.checkpoint_id)
    return named[: named.index(present)] if present in named else named
