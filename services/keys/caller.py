"""Who asks: the key that a request came with, or nobody where none is needed."""

from dataclasses import dataclass

import sqlalchemy as sa

from mova_core.registry.database.connection import reading
from mova_core.registry.database.key_tables import ApiKey
from services.keys.token import FORM, token_sha256

SCOPES = ("create", "read", "admin")
SMOKE_OWNER = "mova-deploy"  # of the key that a deployment checks its service with


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever sent a request.

    Args:
        key_id: of its key; None: it needs none.
        owner: whose jobs it makes.
        scopes: what it may do.
        quota: jobs of its owner that may wait when it asks for another; None: as many as the queue takes.
    """

    key_id: str | None
    owner: str
    scopes: frozenset[str]
    quota: int | None = None

    def may(self, scope: str) -> bool:
        """Whether it has a scope; admin has all."""
        return scope in self.scopes or "admin" in self.scopes

    @property
    def sees(self) -> str | None:
        """The owner whose jobs it sees; None: everybody's."""
        return None if "admin" in self.scopes else self.owner

    @property
    def may_smoke(self) -> bool:
        """Whether its jobs may be checks of a deployment, which no quota counts."""
        return "admin" in self.scopes or self.owner == SMOKE_OWNER


ANYBODY = Caller(None, "", frozenset(SCOPES))
"""Every caller of a service without keys."""


def find_caller(engine: sa.Engine, token: str) -> Caller | None:
    """Whose token it is; None: nobody's, or it was revoked."""
    if not FORM.fullmatch(token):
        return None
    live = sa.select(ApiKey).where(ApiKey.token_sha256 == token_sha256(token), ApiKey.revoked_at.is_(None))
    with reading(engine) as session:
        key = session.scalar(live)
        return None if key is None else Caller(key.key_id, key.owner, frozenset(key.scopes.split()), key.quota)


def keys_exist(engine: sa.Engine) -> bool:
    """Whether a key was ever made: revoking the last one opens no service."""
    with reading(engine) as session:
        return session.scalar(sa.select(ApiKey.key_id).limit(1)) is not None
