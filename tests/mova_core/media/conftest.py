"""A film whose frame flashes and whose audio clicks at one known moment."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mova_core.media.encode import write_media

Film = Callable[..., Path]


@pytest.fixture
def film(tmp_path: Path) -> Film:
    """Write `name`: dark, at `flash_s` white from that frame on; noise, and a click at the same moment."""

    def write(
        name: str,
        *,
        fps: Fraction | int = 25,
        seconds: float = 2.0,
        flash_s: float = 1.0,
        rate_hz: int = 48_000,
        **kw: Any,
    ) -> Path:
        frames = round(seconds * fps)
        first_bright = round(flash_s * fps)
        audio = np.random.default_rng(0).normal(0, 1e-3, round(rate_hz * frames / fps)).astype(np.float32)
        click = round(first_bright / fps * rate_hz)
        audio[click : click + rate_hz // 100] = 0.8
        images = (np.full((48, 64, 3), 230 if k >= first_bright else 20, np.uint8) for k in range(frames))
        path = tmp_path / name
        write_media(path, images, fps, audio, rate_hz, **kw)
        return path

    return write
