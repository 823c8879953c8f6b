"""Keys: what is kept of them, when they hold, and what the log says of them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
import typer
from typer.testing import CliRunner

from mova_core.errors import UsageError
from mova_core.registry.database.connection import open_database, reading, writing
from mova_core.registry.database.key_tables import KeyEvent
from services.keys import audit
from services.keys.audit import RefusalLog
from services.keys.caller import find_caller, keys_exist
from services.keys.commands import keys
from services.keys.exposure import check_exposure, is_loopback
from services.keys.keys import create_key, create_smoke_key, list_keys, revoke_key, rotate_key
from services.settings import ServiceSettings


def events(engine: sa.Engine) -> list[tuple[str, str | None, str]]:
    with reading(engine) as session:
        rows = session.execute(sa.select(KeyEvent.event, KeyEvent.key_id, KeyEvent.detail).order_by(KeyEvent.event_id))
        return [(row.event, row.key_id, row.detail) for row in rows]


def test_a_key_holds_until_it_is_rotated_or_revoked_and_the_log_tells_all_of_it(engine: sa.Engine) -> None:
    assert not keys_exist(engine)
    key, token = create_key(engine, "anna", ["read", "create", "read"], quota=3)
    caller = find_caller(engine, token)
    assert caller is not None and (caller.owner, caller.quota, caller.sees) == ("anna", 3, "anna")
    assert caller.may("create") and caller.may("read") and not caller.may("admin")
    same, other = rotate_key(engine, key.key_id)
    assert same == key and find_caller(engine, token) is None and find_caller(engine, other) == caller
    assert revoke_key(engine, key.key_id).revoked_at is not None
    assert find_caller(engine, other) is None and keys_exist(engine)
    for again in (rotate_key, revoke_key):
        with pytest.raises(UsageError, match="was revoked"):
            again(engine, key.key_id)
        with pytest.raises(UsageError, match="there is no key 'key_x'"):
            again(engine, "key_x")
    assert events(engine) == [
        ("created", key.key_id, "owner anna, scopes create read, quota 3"),
        ("rotated", key.key_id, "owner anna"),
        ("revoked", key.key_id, "owner anna"),
    ]


def test_no_token_is_in_the_database(engine: sa.Engine, settings: ServiceSettings) -> None:
    tokens = [create_key(engine, "anna", ["read"])[1] for _ in range(2)]
    tokens.append(rotate_key(engine, list_keys(engine)[0].key_id)[1])
    kept = b"".join(path.read_bytes() for path in (settings.root / ".mova").glob("registry.db*"))
    assert b"anna" in kept and not any(token.encode() in kept for token in tokens)
    assert len(set(tokens)) == 3


@pytest.mark.parametrize("token", ["", "mova_", "mova_" + "x" * 42, "mova_" + "x" * 43, "mova_" + "é" * 43, "x" * 9999])
def test_what_is_no_token_is_nobody_s(engine: sa.Engine, token: str) -> None:
    create_key(engine, "anna", ["admin"])
    assert find_caller(engine, token) is None


def test_silly_keys_are_refused(engine: sa.Engine) -> None:
    for owner in ("", "Anna", "a b", "mova-deploy", "x" * 65, "-a"):
        with pytest.raises(UsageError, match="owner is"):
            create_key(engine, owner, ["read"])
    for scopes in ([], ["write"], ["read", "all"]):
        with pytest.raises(UsageError, match="expected one or more of create, read, admin"):
            create_key(engine, "anna", scopes)
    with pytest.raises(UsageError, match="quota is 0"):
        create_key(engine, "anna", ["read"], quota=0)
    assert list_keys(engine) == [] and events(engine) == []


def test_the_key_of_a_deployment_is_listed_only_while_it_holds(engine: sa.Engine) -> None:
    key, _ = create_smoke_key(engine)
    assert list_keys(engine) == [key]
    revoke_key(engine, key.key_id)
    assert list_keys(engine) == []


def test_the_log_is_append_only(new_url: Callable[[], str]) -> None:
    engine = open_database(new_url())
    create_key(engine, "anna", ["read"])
    before = events(engine)
    changes = ["UPDATE key_events SET detail = 'x'", "DELETE FROM key_events"]
    if engine.dialect.name == "sqlite":
        changes.append("INSERT OR REPLACE INTO key_events SELECT event_id, event, key_id, 'x', 0 FROM key_events")
    else:
        changes.append("TRUNCATE key_events")
    for change in changes:
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), writing(engine) as session:
            session.execute(sa.text(change))
    assert events(engine) == before
    engine.dispose()


def test_refusals_are_recorded_up_to_a_limit_and_counted_beyond(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(audit.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(audit, "PER_MINUTE", 2)
    log = RefusalLog(engine)
    for number in range(5):
        log.refused(None, str(number))
    now[0] = 60.0
    log.refused("key_a", "later")
    assert [(key, detail) for _, key, detail in events(engine)] == [
        (None, "0"),
        (None, "1"),
        ("key_a", "later; 3 more were refused before it"),
    ]


def test_a_service_that_others_reach_needs_a_key(engine: sa.Engine, settings: ServiceSettings) -> None:
    url = settings.database_url
    for host in ("127.0.0.1", "localhost", "::1", "127.8.8.8"):
        assert is_loopback(host)
        check_exposure(host, url)
    for host in ("0.0.0.0", "::", "10.0.0.1", "gpu7"):
        with pytest.raises(UsageError, match="there is no API key: make one with `mova keys create"):
            check_exposure(host, url)
    create_key(engine, "anna", ["read"])
    check_exposure("0.0.0.0", url)


def test_commands_print_a_token_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    app = typer.Typer()
    app.add_typer(keys, name="keys")

    def mova(*arguments: str, code: int = 0) -> str:
        done = CliRunner().invoke(app, ["keys", *arguments])
        assert done.exit_code == code, done.output
        return done.stdout

    made = json.loads(mova("create", "anna", "--scope", "create", "--scope", "read", "--quota", "4", "--json"))
    assert made["token"].startswith("mova_") and made["quota"] == 4
    listed = mova("list")
    assert made["key_id"] in listed and "create read" in listed and made["token"] not in listed
    rotated = mova("rotate", made["key_id"])
    assert "mova_" in rotated and made["token"] not in rotated
    assert "is revoked" in mova("revoke", made["key_id"])
    mova("revoke", made["key_id"], code=2)
    mova("create", "anna", "--scope", "write", code=2)
    mova("create", "anna", code=2)
