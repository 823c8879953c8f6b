"""What a command says while it works, as one JSON object a line on stdout, for the program that started it.

`mova COMMAND --json-events` speaks so, and so does `mova COMMAND` where the environment holds MOVA_JSON_EVENTS=1: the
flows set it for the stages that DVC starts, whose commands in dvc.yaml stay as a person types them.

    {"event": "progress", "label": "cut", "done": 12, "total": 25}    (of a training also "figures")
    {"event": "log", "level": "warning", "message": "..."}
    {"event": "summary", "text": "25 clips", "values": {"clips": 25}}
    {"event": "error", "message": "...", "exit_code": 3, "kind": "ContractBroken"}

stdout then carries nothing else: what libraries and child processes print there goes to stderr. A command ends with one
summary or one error; one that ends with neither was killed or has crashed.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TextIO

FLAG = "--json-events"
VARIABLE = "MOVA_JSON_EVENTS"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a part of the work is.

    Args:
        label: of the part, such as `encode@nano-32`.
        done: items that have passed, 0 to total.
        total: items of the part.
        figures: what a training shows of itself (`mova_core.training.monitor.figures`), at times.
    """

    label: str
    done: int
    total: int
    figures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Log:
    """A remark: of the command itself, or a warning of a library.

    Args:
        level: debug, info, warning, error or critical.
        message: a line or several.
    """

    level: str
    message: str


@dataclass(frozen=True, slots=True)
class Summary:
    """What a command did; its last event if it succeeded.

    Args:
        text: for a person, a line or several; may be empty.
        values: for a program, what `--json` prints.
    """

    text: str
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Error:
    """Why a command failed; its last event if it did.

    Args:
        message: what `mova` prints without events, without the command's name.
        exit_code: of the command, 1 to 3.
        kind: name of the exception's class, such as `ContractBroken`.
    """

    message: str
    exit_code: int
    kind: str


Event = Progress | Log | Summary | Error
KINDS: dict[str, type[Event]] = {kind.__name__.lower(): kind for kind in (Progress, Log, Summary, Error)}

_stream: TextIO | None = None


def are_asked_for(arguments: Sequence[str]) -> bool:
    """Whether a command line, or the environment, asks for events."""
    return FLAG in arguments or os.environ.get(VARIABLE, "0") not in ("", "0")


def start() -> None:
    """Keep stdout for events from now on, and send what anything else prints there to stderr; twice changes nothing.

    Warnings and the log records of libraries become events. Child processes are not asked for events.
    """
    global _stream
    if _stream is not None:
        return
    os.environ.pop(VARIABLE, None)
    sys.stdout.flush()
    _stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    _log_as_events()


def are_on() -> bool:
    """Whether this process speaks in events."""
    return _stream is not None


def emit(event: Event) -> None:
    """Write an event; nothing where events were not asked for."""
    if _stream is not None:
        _stream.write(as_line(event) + "\n")
        _stream.flush()


def as_line(event: Event) -> str:
    """An event as JSON, without the end of the line."""
    fields = asdict(event)
    if isinstance(event, Progress) and not event.figures:
        del fields["figures"]
    return json.dumps({"event": type(event).__name__.lower(), **fields})


def from_line(line: str) -> Event | None:
    """The event that a line holds; None for any other text."""
    if not line.startswith('{"event":'):
        return None
    try:
        fields = json.loads(line)
        return KINDS[fields.pop("event")](**fields)
    except (ValueError, KeyError, TypeError):
        return None


def _log_as_events() -> None:
    import logging

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            emit(Log(record.levelname.lower(), self.format(record)))

    logging.getLogger().addHandler(Handler(logging.WARNING))
    logging.captureWarnings(True)
