"""Endpoints of the test's own; none that the environment names."""

from collections.abc import Iterator

import pytest

from tests.mova_core.prompting.model_server import ModelServer


@pytest.fixture
def server() -> Iterator[ModelServer]:
    server = ModelServer()
    yield server
    server.stop()


@pytest.fixture
def other_server() -> Iterator[ModelServer]:
    server = ModelServer()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def no_endpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("VLM", "LLM"):
        for name in ("URL", "MODEL", "KEY"):
            monkeypatch.delenv(f"MOVA_{kind}_{name}", raising=False)
