"""Clips to caption, and an endpoint for all models that params name."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mova_core.curation.caption.stage import caption
from mova_core.places import DataFolder
from tests.mova_core.curation.caption.models.clips_to_caption import MODELS, Models, made, params
from tests.mova_core.endpoints.model_server import ModelServer


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataFolder:
    monkeypatch.chdir(tmp_path)
    return made(tmp_path)


@pytest.fixture
def models(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> Models:
    """What the models of the environment answer."""
    for kind, model in MODELS.items():
        monkeypatch.setenv(f"MOVA_{kind.upper()}_URL", server.url)
        monkeypatch.setenv(f"MOVA_{kind.upper()}_MODEL", model)
    models = Models()
    server.answers = [models]
    return models


@pytest.fixture
def run(data: DataFolder, models: Models) -> Callable[..., dict[str, Any]]:
    """Function that captions the clips, with changes to params caption."""
    return lambda **changes: caption(params(**changes), Path("footage"), data)
