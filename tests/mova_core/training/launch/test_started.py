"""A process that a launcher has started: its error is where the launcher looks for it."""

import json

import pytest

from mova_core.errors import StaleError
from mova_core.training.launch import started
from mova_core.training.launch.local import _told


class Ended:
    """What torchrun knows of a process that failed."""

    exitcode, timestamp = 1, 0.0

    def __init__(self, file):
        self.message = json.loads(file.read_text())["message"]


def test_its_error_reaches_the_launcher(tmp_path, monkeypatch):
    def fails(*_):
        raise StaleError("latents are damaged: encode them again")

    for name, value in {"RANK": "1", "WORLD_SIZE": "2", "TORCHELASTIC_ERROR_FILE": str(tmp_path / "error")}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(started, "end_with_parent", lambda: None)
    monkeypatch.setattr(started, "prepare", fails)
    with pytest.raises(StaleError):
        started.train(None, None, None, None)
    _, failed = _told(1, Ended(tmp_path / "error"))
    assert (str(failed), failed.foreseen) == ("latents are damaged: encode them again", True)
