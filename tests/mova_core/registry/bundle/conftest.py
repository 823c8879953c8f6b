"""A champion's bundle, its sender's keys, and another installation."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mova_core.evaluation.promote import promote
from mova_core.registry.bundle.export import export_bundle


@dataclass(frozen=True)
class Sent:
    """A bundle as its sender made it."""

    file: Path
    key: Ed25519PrivateKey
    checkpoint_id: str


@pytest.fixture
def key() -> Ed25519PrivateKey:
    """The sender's, the same in every run."""
    return Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.fixture
def sent(engine: sa.Engine, project: Any, key: Ed25519PrivateKey, tmp_path: Path, monkeypatch: Any) -> Sent:
    """The bundle of a champion that was trained on curated clips, from an earlier phase's checkpoint."""
    monkeypatch.chdir(project.root)
    index = project.curate()
    start = project.train("audio", latents={"nano-32": index})
    checkpoint_id = project.train("phase1", 1, start, {"nano-32": index})
    project.select(checkpoint_id, project.evaluate(checkpoint_id))
    assert promote(engine, "models/phase1", "production").outcome == "promoted"
    file = tmp_path / "champion.tar"
    export_bundle(engine, "production", file, key)
    return Sent(file, key, checkpoint_id)


@pytest.fixture
def elsewhere(empty_registry: Callable[[str], str], tmp_path: Path) -> tuple[str, Path]:
    """Database URL and folder of another installation."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return empty_registry("sqlite"), folder
