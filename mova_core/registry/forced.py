"""Promotions that a person forced past the comparison: they are shown as such for good."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mova_core.registry.database.tables import Promotion

FORCED = "forced"  # key of a promotion's evidence: why a person passed over the comparison


def is_forced(outcome: str, evidence: Mapping[str, Any]) -> bool:
    """Whether a person promoted something that the comparison had refused."""
    return outcome == "promoted" and FORCED in evidence


def forced_aliases(session: Session, checkpoint_id: str) -> list[str]:
    """The aliases that a checkpoint was ever forced to."""
    events = session.scalars(sa.select(Promotion).where(Promotion.checkpoint_id == checkpoint_id))
    return sorted({event.alias for event in events if is_forced(event.outcome, event.evidence)})
