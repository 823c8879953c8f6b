"""What keeps the arena from starting, and as whom it answers."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from mova_core.errors import StaleError, UsageError
from mova_core.ports import free_port
from services.arena.serve import Address, check_startable


def test_an_arena_without_pairs_says_how_to_fill_it(engine: sa.Engine, root: Path) -> None:
    with pytest.raises(UsageError, match="run `mova arena add"):
        check_startable(engine, root, Address("127.0.0.1", free_port()))


def test_a_lost_clip_or_a_taken_port_is_told(engine: sa.Engine, root: Path, put_clips: Callable[..., None]) -> None:
    put_clips(lambda path, number: path.write_bytes(b"clip %d" % number))
    check_startable(engine, root, Address("127.0.0.1", free_port()))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with pytest.raises(UsageError, match="cannot be used"):
            check_startable(engine, root, Address("127.0.0.1", listener.getsockname()[1]))
    (root / "01.mp4").unlink()
    with pytest.raises(StaleError, match=r"01\.mp4, a clip of the arena, is gone"):
        check_startable(engine, root, Address("127.0.0.1", free_port()))


def test_it_answers_to_its_own_names_and_to_those_that_are_allowed() -> None:
    hosts = Address("192.0.2.1", 4300, ["arena.example.org"]).hosts
    assert {"127.0.0.1:4300", "localhost:4300", "192.0.2.1:4300", "arena.example.org"} <= set(hosts)
    assert "localhost" in Address("127.0.0.1", 80).hosts and "localhost" not in hosts
    assert "[::1]:4300" in Address("::1", 4300).hosts
