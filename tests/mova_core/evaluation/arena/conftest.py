"""Small clips with audio, and a registry."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from mova_core.geometry import GEOMETRIES
from mova_core.registry.database.connection import open_database
from mova_core.sampling.clip_file import write_clip

GEOMETRY = GEOMETRIES["nano-48"]


@pytest.fixture
def engine(empty_registry: Callable[[str], str]) -> Iterator[sa.Engine]:
    """A registry with its tables and no rows."""
    engine = open_database(empty_registry("sqlite"))
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def write_small_clip() -> Callable[[Path, int], Path]:
    """Function that writes a clip of one shade (0 to 255) and a tone; the folder is made."""

    def write(path: Path, shade: int) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        frames = np.full((GEOMETRY.frames, 48, 48, 3), shade, np.uint8)
        tone = 0.1 * np.sin(np.arange(GEOMETRY.audio_samples) * (200 + shade) * 2 * np.pi / GEOMETRY.audio_rate_hz)
        write_clip(path, frames, tone.astype(np.float32), GEOMETRY)
        return path

    return write
