"""`mova arena serve`: the arena's page on a port of this machine."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from mova_core.errors import StaleError, UsageError
from mova_core.ports import obstacle
from mova_core.registry.arena.ballots import all_pairs
from mova_core.registry.database.connection import reading
from mova_core.registry.database.tables import ArenaClip

SEED_BITS = 63
LOCAL_NAMES = ("127.0.0.1", "localhost", "[::1]")
DEFAULT_PORTS = (80, 443)  # which browsers leave out of the Host header


@dataclass(frozen=True, slots=True)
class Address:
    """Where the arena answers, and as whom.

    Args:
        host: address to listen on.
        port: to listen on.
        names: more names that browsers may call it by, `NAME` or `NAME:PORT`, such as a proxy's.
    """

    host: str
    port: int
    names: Sequence[str] = ()

    @property
    def hosts(self) -> list[str]:
        """Values of the Host header that are answered."""
        own = [*LOCAL_NAMES, f"[{self.host}]" if ":" in self.host else self.host]
        with_port = [f"{name}:{self.port}" for name in own]
        return [*dict.fromkeys([*with_port, *(own if self.port in DEFAULT_PORTS else ()), *self.names])]


def serve(engine: sa.Engine, root: Path, address: Address, seed: int | None) -> None:
    """Serve until interrupted.

    Args:
        engine: the registry.
        root: the project's folder.
        address: where.
        seed: of sides and pairs; None: drawn, so that nobody knows it.

    Raises:
        UsageError: there is no pair to vote on, or the port is taken.
        StaleError: a clip is gone.
    """
    import uvicorn

    from services.arena.app import create_app

    check_startable(engine, root, address)
    app = create_app(engine, root, address.hosts, secrets.randbits(SEED_BITS) if seed is None else seed)
    uvicorn.run(
        app, host=address.host, port=address.port, access_log=False, server_header=False, timeout_graceful_shutdown=2
    )


def check_startable(engine: sa.Engine, root: Path, address: Address) -> None:
    """Everything that can keep the arena from starting; raises as `serve`."""
    with reading(engine) as session:
        pairs = next(all_pairs(session), None)
        paths = session.scalars(sa.select(ArenaClip.path)).all()
    if pairs is None:
        raise UsageError(
            "the arena has no pair to vote on: run `mova arena add --name NAME FOLDER` for two contenders that have "
            "clips of the same prompts"
        )
    if lost := next((path for path in paths if not (root / path).is_file()), None):
        raise StaleError(f"{lost}, a clip of the arena, is gone: run `mova arena add` in a fresh registry")
    if reason := obstacle(address.host, address.port):
        raise UsageError(
            f"port {address.port} of {address.host} cannot be used ({reason}): stop what listens there, or pass --port"
        )
