"""The registry's table of takedowns: append-only by triggers, as promotions are."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from mova_core.registry.database.base import Base

TAKEDOWN_ACTIONS = ("taken_down", "restored")


class Takedown(Base):
    """One decision that a file of the footage may not be used, or may be again."""

    __tablename__ = "takedowns"
    __table_args__ = (
        sa.UniqueConstraint("source_id", "number"),  # the events of a source cannot fork
        sa.CheckConstraint(f"action IN {TAKEDOWN_ACTIONS}", name="action"),
    )

    event_id: Mapped[int] = mapped_column(primary_key=True)
    source_id: Mapped[str]  # no foreign key: a file may be taken down before any dataset has it
    number: Mapped[int]  # of the source's events, from 1: their order
    action: Mapped[str]
    reason: Mapped[str]
    who: Mapped[str]
    path: Mapped[str | None]  # inside the footage, as it was then
    recorded_at: Mapped[float]  # for people
