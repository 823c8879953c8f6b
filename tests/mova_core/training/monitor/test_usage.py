"""What a run costs is added up over every time that it was worked on, also when that failed."""

from pathlib import Path

import pytest

from mova_core.training.monitor.usage import adding_usage, usage_of


def test_it_adds_up_over_calls_and_failures(tmp_path: Path) -> None:
    assert usage_of("a", tmp_path) is None
    with adding_usage("a", tmp_path):
        sum(range(10**5))
    first = usage_of("a", tmp_path)
    with pytest.raises(ZeroDivisionError), adding_usage("a", tmp_path):
        1 / 0  # noqa: B018
    second = usage_of("a", tmp_path)
    assert first is not None and second is not None
    assert 0 < first.device_s < second.device_s
    assert (second.device, second.devices) == ("cpu", 1)


def test_processes_of_one_training_count_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("RANK", "1")
    with adding_usage("a", tmp_path):
        pass
    assert usage_of("a", tmp_path) is None  # the first process writes it
    monkeypatch.setenv("RANK", "0")
    with adding_usage("a", tmp_path):
        pass
    usage = usage_of("a", tmp_path)
    assert usage is not None and usage.devices == 4
