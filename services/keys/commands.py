"""`mova keys`: who may ask the service for videos."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mova_core.cli.main import command

if TYPE_CHECKING:
    from services.keys.keys import KeyView

keys = typer.Typer(
    help="API keys of the service: who may ask it for videos.", no_args_is_help=True, rich_markup_mode=None
)
KeyId = Annotated[str, typer.Argument(metavar="ID", help="Of the key, as `mova keys list` shows it.")]


def create(
    owner: Annotated[str, typer.Argument(help="Whose videos it makes and sees.")],
    scope: Annotated[list[str], typer.Option("--scope", help="create, read or admin. May be repeated.")],
    quota: Annotated[
        int | None, typer.Option("--quota", min=1, help="Videos of the owner that may wait at once.")
    ] = None,
) -> dict[str, Any]:
    """Make a key, and print its token, this once.

    Example: mova keys create anna --scope create --scope read --quota 5
    """
    from mova_core.registry.database.connection import opened_database
    from services.keys.keys import create_key

    with opened_database() as engine:
        key, token = create_key(engine, owner, scope, quota)
    return _with_token(key, token)


def list_all() -> dict[str, Any]:
    """Show the keys, without their tokens, which are kept nowhere.

    Example: mova keys list
    """
    from mova_core.registry.database.connection import opened_database
    from mova_core.registry.text_table import aligned
    from services.keys.keys import list_keys

    with opened_database() as engine:
        found = list_keys(engine)
    text = aligned([_row(key) for key in found]) if found else "no keys: the service answers on this machine alone"
    return {"keys": [asdict(key) for key in found], "text": text}


def rotate(key_id: KeyId) -> dict[str, Any]:
    """Give a key another token, printed this once; the one before is refused from now on.

    Example: mova keys rotate key_0123456789ab
    """
    from mova_core.registry.database.connection import opened_database
    from services.keys.keys import rotate_key

    with opened_database() as engine:
        key, token = rotate_key(engine, key_id)
    return _with_token(key, token)


def revoke(key_id: KeyId) -> dict[str, Any]:
    """End a key for good; the videos of its owner stay.

    Example: mova keys revoke key_0123456789ab
    """
    from mova_core.registry.database.connection import opened_database
    from services.keys.keys import revoke_key

    with opened_database() as engine:
        key = revoke_key(engine, key_id)
    return asdict(key) | {"text": f"{key.key_id} of {key.owner} is revoked"}


def _with_token(key: "KeyView", token: str) -> dict[str, Any]:
    text = f"{token}\nkey {key.key_id} of {key.owner}, for {key.scopes}; the token is shown this once and kept nowhere"
    return asdict(key) | {"token": token, "text": text}


def _row(key: "KeyView") -> dict[str, str]:
    return {
        "key": key.key_id,
        "owner": key.owner,
        "scopes": key.scopes,
        "quota": "" if key.quota is None else str(key.quota),
        "created": _day(key.created_at),
        "revoked": "" if key.revoked_at is None else _day(key.revoked_at),
    }


def _day(at: float) -> str:
    import datetime

    return datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%Y-%m-%d %H:%M")


for _name, _function in (("create", create), ("list", list_all), ("rotate", rotate), ("revoke", revoke)):
    keys.command(_name)(command(_function, f"keys {_name}"))
