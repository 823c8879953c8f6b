"""Aliases: names that move from checkpoint to checkpoint, by compare-and-set.

Who moves an alias says where it should be now; if another has moved it since, the move fails and nothing is changed.
"""

import re
import time

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from mova_core.errors import StaleError, UsageError
from mova_core.places import CANDIDATE
from mova_core.registry.database.tables import Alias, Checkpoint

ALIAS_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}(/[a-z][a-z0-9_-]{0,62})?")
CHECKPOINT_ID = re.compile(r"[0-9a-f]{16}")


def get_alias(session: Session, name: str) -> str | None:
    """The checkpoint id that an alias names now, or None."""
    return session.scalar(sa.select(Alias.checkpoint_id).where(Alias.name == name))


def aliased_checkpoint(session: Session, name: str) -> str:
    """The checkpoint id that an alias names now.

    Raises:
        UsageError: a name that no alias can have, or one that names nothing.
    """
    check_alias_name(name)
    if (checkpoint_id := get_alias(session, name)) is None:
        raise UsageError(f"alias {name!r} names no checkpoint: run `mova promote {CANDIDATE} --alias {name}`")
    return checkpoint_id


def set_alias(session: Session, name: str, new: str, expected_old: str | None) -> None:
    """Move an alias, or make it where `expected_old` is None. Call it inside `writing`.

    Args:
        session: a session that writes.
        name: the alias.
        new: id of a checkpoint of the registry.
        expected_old: the checkpoint id that the alias is believed to name.

    Raises:
        UsageError: a name that no alias can have, or an unknown checkpoint.
        StaleError: the alias names another checkpoint: somebody moved it.
    """
    check_alias_name(name)
    if session.get(Checkpoint, new) is None:
        raise UsageError(f"checkpoint {new} is not in the registry: run `mova registry sync`")
    values = {"checkpoint_id": new, "moved_at": time.time()}
    if expected_old is None:
        insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
        made = insert(Alias).values(name=name, **values).on_conflict_do_nothing().returning(Alias.name)
        moved = session.scalar(made)
    else:
        held = sa.update(Alias).where(Alias.name == name, Alias.checkpoint_id == expected_old)
        moved = session.scalar(
            held.values(**values).returning(Alias.name), execution_options={"synchronize_session": False}
        )
    if moved is None:
        raise StaleError(
            f"alias {name} names {_said(get_alias(session, name))}, expected {_said(expected_old)}: somebody moved it "
            "meanwhile, compare with the present one and try again"
        )


def check_alias_name(name: str) -> None:
    """Refuse what cannot be an alias.

    Raises:
        UsageError: not a lower-case word or two with a slash between, or it looks like a checkpoint id.
    """
    if not ALIAS_NAME.fullmatch(name) or CHECKPOINT_ID.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be an alias, expected lower-case words such as `production` or `phase1/champion`"
        )


def _said(checkpoint_id: str | None) -> str:
    return "no checkpoint" if checkpoint_id is None else f"checkpoint {checkpoint_id}"
