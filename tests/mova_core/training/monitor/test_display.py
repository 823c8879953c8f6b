"""The same figures on a terminal, as lines, and as events."""

import json
from dataclasses import asdict
from io import StringIO

import pytest
from rich.console import Console

from mova_core import json_events
from mova_core.json_events import Progress, from_line
from mova_core.training.monitor.display import Display
from mova_core.training.monitor.figures import Figures

FIGURES = Figures(
    loss=0.4125,
    modalities={"video": 0.375, "audio": 0.1875},
    by_sigma={"video": [0.625, None, *[0.25] * 8], "audio": [None] * 10},
    grad_norm=0.8125,
    lr=0.0015,
    skipped=1,
    step_s=0.0625,
    tokens_per_s={"video": 43_210.0, "audio": 9_876.0},
    mfu=None,
    data_wait=0.0031,
    memory_bytes=612_000_000,
    left_s=75.4,
)
SHOWN = (
    "0.412",
    "0.375",
    "0.188",
    "0.812",
    "1.50e-03",
    "43.2 k",
    "9.88 k",
    "unavailable",
    "0.3%",
    "612 MB",
    "62 ms",
    "0:01:15",
)


def steps(display: Display, clock: list[float]) -> None:
    """Three steps, a quarter of a second each; figures come with the second one."""
    for done, figures in ((1, {}), (2, asdict(FIGURES)), (3, {})):
        clock[0] += 0.25
        display.show(Progress("train@phase1", done, 3, figures))


def test_a_terminal_shows_a_bar_the_figures_and_the_losses_by_sigma() -> None:
    clock = [0.0]
    console = Console(file=StringIO(), record=True, force_terminal=True, width=100)
    with Display(console, lambda: clock[0]) as display:
        steps(display, clock)
    text = console.export_text()
    assert "train@phase1" in text and "3/3" in text
    last = text[text.rindex("train@phase1") :]
    assert [value for value in SHOWN if value not in last] == []
    assert "0.625 –" in " ".join(last.split())
    assert max(map(len, last.splitlines())) <= 100


def test_lines_come_once_a_second_and_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    clock = [0.0]
    with Display(Console(file=StringIO()), lambda: clock[0]) as display:
        steps(display, clock)
        clock[0] += 2
        display.show(Progress("train@audio", 1, 3))
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("train@phase1 3/3: loss 0.412, video 0.375, ")
    assert [value for value in SHOWN if value not in first] == []
    assert second.startswith("train@audio 1/3")


def test_events_hold_the_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    stream, clock = StringIO(), [0.0]
    monkeypatch.setattr(json_events, "_stream", stream)
    with Display(Console(file=StringIO(), force_terminal=True), lambda: clock[0]) as display:
        steps(display, clock)
    (line,) = stream.getvalue().splitlines()
    event = from_line(line)
    assert isinstance(event, Progress) and (event.label, event.done, event.total) == ("train@phase1", 3, 3)
    assert Figures(**event.figures) == FIGURES
    assert json.loads(json_events.as_line(Progress("cut", 1, 2))) == {
        "event": "progress",
        "label": "cut",
        "done": 1,
        "total": 2,
    }
