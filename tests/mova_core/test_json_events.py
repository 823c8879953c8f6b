"""Events come back as they were sent, and stdout holds nothing else, whoever prints."""

import subprocess
import sys

import pytest

from mova_core.json_events import Error, Log, Progress, Summary, are_asked_for, as_line, from_line

EVENTS = [
    Progress("encode@nano-32", 3, 25),
    Log("warning", "two\nlines, “quoted”"),
    Summary("25 clips", {"clips": 25, "losses": [None, 0.5]}),
    Error("contract broken", 3, "ContractBroken"),
]

NOISY = """
import logging, os, subprocess, sys, warnings
from mova_core.json_events import Summary, emit, start
from mova_core.progress import track
emit(Summary("not asked for yet"))
start(), start()
print("a library prints")
os.write(1, b"so does a C library")
subprocess.run(["sh", "-c", "echo so does a child: ${MOVA_JSON_EVENTS-not asked}"])
logging.getLogger("a.library").warning("%d left", 3)
logging.getLogger("a.library").info("never mind")
warnings.warn("old")
assert list(track("abc", 3, "letters")) == ["a", "b", "c"]
emit(Summary("done"))
"""


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_is_one_line_and_comes_back(event):
    line = as_line(event)
    assert "\n" not in line
    assert from_line(line) == event


@pytest.mark.parametrize(
    "line",
    ["", "25 clips", '{"event": "prog', '{"event": "birth"}', '{"event": "progress", "done": 1}', '{"loss": 0.5}'],
)
def test_any_other_line_is_no_event(line):
    assert from_line(line) is None


def test_the_flag_and_the_variable_mean_the_same(monkeypatch):
    monkeypatch.delenv("MOVA_JSON_EVENTS", raising=False)
    assert are_asked_for(["cut", "--json-events"]) and not are_asked_for(["cut", "--json"])
    for value, asked in (("1", True), ("0", False), ("", False)):
        monkeypatch.setenv("MOVA_JSON_EVENTS", value)
        assert are_asked_for(["cut"]) is asked


def test_stdout_holds_events_alone_and_nothing_printed_is_lost():
    done = subprocess.run(
        [sys.executable, "-c", NOISY], capture_output=True, text=True, env={"MOVA_JSON_EVENTS": "1"}, check=True
    )
    log, warning, progress, summary = [from_line(line) for line in done.stdout.splitlines()]
    assert log == Log("warning", "3 left")
    assert isinstance(warning, Log) and "UserWarning: old" in warning.message
    assert (progress, summary) == (Progress("letters", 3, 3), Summary("done"))
    for printed in ("a library prints", "so does a C library", "so does a child: not asked"):
        assert printed in done.stderr
