"""Keys are made, shown, given another token, and revoked. Every change is in the audit log, in the same transaction."""

import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mova_core.errors import UsageError
from mova_core.registry.database.connection import reading, writing
from mova_core.registry.database.key_tables import ApiKey
from services.keys.audit import record
from services.keys.caller import SCOPES, SMOKE_OWNER
from services.keys.token import new_token, token_sha256

OWNER_FORM = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class KeyView:
    """What is shown of a key; the names are those of the table's columns."""

    key_id: str
    owner: str
    scopes: str
    quota: int | None
    created_at: float
    revoked_at: float | None


COLUMNS = [getattr(ApiKey, name) for name in KeyView.__slots__]


def create_key(engine: sa.Engine, owner: str, scopes: Sequence[str], quota: int | None = None) -> tuple[KeyView, str]:
    """Make a key.

    Args:
        engine: the registry.
        owner: whose jobs it makes and sees; several keys may have one owner.
        scopes: of create, read and admin.
        quota: jobs of the owner that may wait when this key asks for another; None: as many as the queue takes.

    Returns:
        The key, and its token, which is kept nowhere.

    Raises:
        UsageError: an owner or a scope that cannot be.
    """
    if not OWNER_FORM.fullmatch(owner) or owner == SMOKE_OWNER:
        raise UsageError(
            f"owner is {owner[:80]!r}, expected up to 64 of a-z, 0-9, '.', '_' and '-', and not {SMOKE_OWNER}"
        )
    return _created(engine, owner, scopes, quota)


def create_smoke_key(engine: sa.Engine) -> tuple[KeyView, str]:
    """Make the key that a deployment checks its service with, and revokes then."""
    return _created(engine, SMOKE_OWNER, ("create", "read"), None)


def list_keys(engine: sa.Engine) -> list[KeyView]:
    """Keys in order of creation, but for revoked ones of deployments."""
    shown = sa.or_(ApiKey.owner != SMOKE_OWNER, ApiKey.revoked_at.is_(None))
    with reading(engine) as session:
        rows = session.execute(sa.select(*COLUMNS).where(shown).order_by(ApiKey.created_at, ApiKey.key_id))
        return [KeyView(*row) for row in rows]


def rotate_key(engine: sa.Engine, key_id: str) -> tuple[KeyView, str]:
    """Give a key another token; the one before is refused from now on.

    Raises:
        UsageError: there is no such key, or it was revoked.
    """
    token = new_token()
    with writing(engine) as session:
        key = _live(session, key_id)
        key.token_sha256 = token_sha256(token)
        record(session, "rotated", key_id, f"owner {key.owner}")
        session.flush()
        return _view(key), token


def revoke_key(engine: sa.Engine, key_id: str) -> KeyView:
    """End a key for good; its owner's jobs stay.

    Raises:
        UsageError: there is no such key, or it was revoked before.
    """
    with writing(engine) as session:
        key = _live(session, key_id)
        key.revoked_at = time.time()
        record(session, "revoked", key_id, f"owner {key.owner}")
        session.flush()
        return _view(key)


def _created(engine: sa.Engine, owner: str, scopes: Sequence[str], quota: int | None) -> tuple[KeyView, str]:
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        got = repr(unknown[0][:80]) if unknown else "missing"
        raise UsageError(f"the scope is {got}, expected one or more of {', '.join(SCOPES)}")
    if quota is not None and quota < 1:
        raise UsageError(
            f"the quota is {quota}, expected at least 1 waiting job, or none for as many as the queue takes"
        )
    token = new_token()
    key = ApiKey(
        key_id=f"key_{secrets.token_hex(6)}",
        owner=owner,
        token_sha256=token_sha256(token),
        scopes=" ".join(scope for scope in SCOPES if scope in scopes),
        quota=quota,
        created_at=time.time(),
    )
    with writing(engine) as session:
        session.add(key)
        quota_told = "" if quota is None else f", quota {quota}"
        record(session, "created", key.key_id, f"owner {owner}, scopes {key.scopes}{quota_told}")
        session.flush()
        return _view(key), token


def _live(session: Session, key_id: str) -> ApiKey:
    key = session.scalar(sa.select(ApiKey).where(ApiKey.key_id == key_id).with_for_update())
    if key is None:
        raise UsageError(f"there is no key {key_id[:80]!r}: `mova keys list` shows those that there are")
    if key.revoked_at is not None:
        raise UsageError(f"key {key_id} was revoked: make a new one with `mova keys create {key.owner}`")
    return key


def _view(key: ApiKey) -> KeyView:
    return KeyView(*(getattr(key, name) for name in KeyView.__slots__))
