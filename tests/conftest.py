"""Fixtures that many tests share: real media where present, and a little made footage."""

import json
from pathlib import Path
from typing import Any

import pytest

SHARED = Path(__file__).parents[1].parent / "shared"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--golden", type=Path, default=SHARED / "golden", help="folder of golden tensors (index.json)")


@pytest.fixture(scope="session")
def media() -> Path:
    """Folder of real and hostile footage; tests that need it are skipped where it is absent."""
    folder = SHARED / "media"
    if not folder.is_dir():
        pytest.skip("the test footage (../shared/media) is not beside this clone")
    return folder


@pytest.fixture(scope="session")
def manifest(media: Path) -> dict[str, dict[str, Any]]:
    """Ground truth of that footage by path."""
    entries = json.loads((media / "MANIFEST.json").read_text(encoding="utf-8"))["files"]
    return {entry["path"]: entry for entry in entries}


@pytest.fixture(scope="session")
def made_footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small folder of made footage, the broken files included."""
    from mova_core.media.made_footage import make_footage

    folder = tmp_path_factory.mktemp("made") / "footage"
    make_footage(folder, clips=24, seed=7)
    return folder
