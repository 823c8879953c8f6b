"""The registry's tables of API keys, and the append-only log of what happened to them and was refused."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from mova_core.registry.database.base import Base

KEY_EVENTS = ("created", "rotated", "revoked", "refused")


class ApiKey(Base):
    """A key of the service; the token itself is nowhere. Rows are never removed."""

    __tablename__ = "api_keys"

    key_id: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]  # whose jobs it sees
    token_sha256: Mapped[str] = mapped_column(unique=True)
    scopes: Mapped[str]  # words with spaces between, as OAuth 2.0 writes them
    quota: Mapped[int | None]  # jobs of the owner that may wait when this key asks for another
    created_at: Mapped[float]
    revoked_at: Mapped[float | None]


class KeyEvent(Base):
    """What happened to a key, or a request that was refused. Append-only by triggers."""

    __tablename__ = "key_events"
    __table_args__ = (sa.CheckConstraint(f"event IN {KEY_EVENTS}", name="event"),)

    event_id: Mapped[int] = mapped_column(primary_key=True)
    event: Mapped[str]
    key_id: Mapped[str | None]  # null: a request that no known key came with
    detail: Mapped[str]
    recorded_at: Mapped[float]
