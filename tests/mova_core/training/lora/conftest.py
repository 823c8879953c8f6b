"""Three clips of one's own, and an adapter trained on them beside a small model."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mova_core.media.encode import write_media
from mova_core.params import Params
from mova_core.places import DataFolder
from mova_core.training.lora.request import LoraRequest

LORA = {"rank": 2, "steps": 8, "batch": 2, "lr": 0.05, "dropout": 0.2}


@pytest.fixture(scope="session")
def write_own_clips() -> Callable[[Path], Path]:
    """Function that writes clips of a bar and a tone, each of another shape and rate, and their captions."""

    def write(folder: Path) -> Path:
        folder.mkdir()
        for number in range(3):
            fps, rate_hz, seconds = 20 + number, 16_000, 2.2
            frames = np.zeros((round(seconds * fps), 40, 40 + 8 * number, 3), np.uint8)
            frames[:, :, 10 * number : 10 * number + 8, number] = 250
            audio = 0.3 * np.sin(np.arange(round(seconds * rate_hz)) * 0.1 * (number + 1))
            write_media(folder / f"bar{number}.mp4", iter(frames), fps, audio.astype(np.float32), rate_hz)
            (folder / f"bar{number}.txt").write_text(f"A bar stands at place {number}.")
        return folder

    return write


@pytest.fixture(scope="session")
def request_of() -> Callable[..., LoraRequest]:
    """Function that gives the request for adapter `bars`, changed as it says."""

    def give(section: Callable[..., object], seed: int = 0, **changes: object) -> LoraRequest:
        train = section(save_every=4, lora={**LORA, **changes})
        train = train.model_copy(update={"checkpoints": train.checkpoints.model_copy(update={"validate_every": 1})})
        return LoraRequest.check("bars", Path("my_clips"), Params(seed=seed, train=train), DataFolder())

    return give
