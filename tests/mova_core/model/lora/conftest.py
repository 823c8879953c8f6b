"""An adapter of ours beside the towers that it belongs to."""

import pytest

from mova_core.model.lora.adapter import Adapter
from tests.mova_core.model.lora.tiny_towers import save_own_adapter, towers


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Adapter:
    root = tmp_path_factory.mktemp("lora")
    towers().save_pretrained(root / "base")
    return save_own_adapter(root / "adapter", root / "base")
