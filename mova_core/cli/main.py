"""`mova`: its subcommands are the stages of curation, mova_core/curation/STAGE/command.py each, and those of the
entry-point group `mova.commands`.

Every command gets three options: `--json` (its summary as one JSON object), `--json-events` (all it says while it
works, one JSON object a line; MOVA_JSON_EVENTS=1 in the environment means the same, see `mova_core.json_events`) and
`--debug` (tracebacks). It prints an error as one sentence, and exits 0 on success, 1 on a failed run, 2 on wrong use,
3 on a broken contract. Command modules import what is heavy inside the function, so `mova --help` stays fast.
"""

import functools
import inspect
import json
import sys
import traceback
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

import typer

from mova_core import json_events
from mova_core.cli.sections import STAGES, SectionedHelp
from mova_core.errors import ContractBroken, MovaError, UsageError
from mova_core.json_events import Error, Summary

JSON_OPTION = typer.Option(False, "--json", help="Print the summary as one JSON object.")
EVENTS_OPTION = typer.Option(
    False, json_events.FLAG, help="Print progress, logs, the summary and an error as JSON, one object a line."
)
DEBUG_OPTION = typer.Option(False, "--debug", help="Show the traceback of an error.")


def main() -> None:
    """Entry point of the `mova` script."""
    if json_events.are_asked_for(sys.argv[1:]):
        json_events.start()
    try:
        sys.exit(build_app()(prog_name="mova", standalone_mode=False))
    except typer.TyperException as error:  # wrong use, found before a command's own function is called
        sys.exit(_tell_wrong_use(error))
    except Exception as error:
        json_events.emit(Error(f"unexpected {type(error).__name__}: {error}", 1, type(error).__name__))
        raise


def build_app() -> typer.Typer:
    """The whole command line, in the order of the life of a clip."""
    app = typer.Typer(
        cls=SectionedHelp,
        help="Own a MOVA-class model of video with audio: from raw footage to an HTTP endpoint.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for name, loaded in _commands():
        if isinstance(loaded, typer.Typer):
            app.add_typer(loaded, name=name)
        else:
            app.command(name)(command(loaded, name))
    return app


def _commands() -> Iterator[tuple[str, Any]]:
    """Name of each command, and its function or group."""
    for stage in STAGES:
        yield stage, getattr(import_module(f"mova_core.curation.{stage}.command"), stage)
    for entry in entry_points(group="mova.commands"):
        yield entry.name, entry.load()


def command(function: Callable[..., dict[str, Any] | None], name: str) -> Callable[..., None]:
    """Wrap a function that returns its summary (a dict whose `text` is for people) into a command."""

    @functools.wraps(function)
    def wrapped(*args: Any, json_output: bool, events: bool, debug: bool, **kwargs: Any) -> None:
        if events:
            json_events.start()
        try:
            summary = function(*args, **kwargs) or {}
        except (Exception, KeyboardInterrupt) as error:
            code = _tell_error(name, error, json_output)
            if debug:
                traceback.print_exc()
            raise typer.Exit(code) from None
        _tell_summary(summary, json_output)

    signature = inspect.signature(function)
    extra = {
        "json_output": (JSON_OPTION, bool),
        "events": (EVENTS_OPTION, bool),
        "debug": (DEBUG_OPTION, bool),
    }
    options = [
        inspect.Parameter(option, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for option, (default, kind) in extra.items()
    ]
    signature = signature.replace(parameters=[*signature.parameters.values(), *options])
    wrapped.__signature__ = signature  # type: ignore[attr-defined]  # what typer reads
    kinds = {option: kind for option, (_, kind) in extra.items()}
    wrapped.__annotations__ = {**function.__annotations__, **kinds, "return": None}
    return wrapped


def _tell_summary(summary: dict[str, Any], json_output: bool) -> None:
    text = summary.pop("text", None)
    if json_events.are_on():
        json_events.emit(Summary(text or "", summary))
    elif json_output:
        print(json.dumps(summary))
    elif text:
        print(text)


def _tell_error(name: str, error: BaseException, json_output: bool) -> int:
    """Say why a command failed; its exit code."""
    code = error.exit_code if isinstance(error, MovaError) else 1
    if isinstance(error, MovaError):
        message = str(error)
    elif isinstance(error, KeyboardInterrupt):
        message = "interrupted; finished parts are kept, run it again to go on."
    else:
        message = f"unexpected {type(error).__name__}: {error} (a bug: run again with --debug and report it)"
    if json_events.are_on():
        json_events.emit(Error(message, code, type(error).__name__))
    elif json_output:
        details = error.details if isinstance(error, MovaError) else {}
        print(json.dumps({"error": message, "exit_code": code, **details}))
    else:
        # A broken contract is told in several lines of its own; anything else is one sentence of this command.
        prefix = "" if isinstance(error, ContractBroken) else f"mova {name}: "
        print(f"{prefix}{message}", file=sys.stderr)
    return code


def _tell_wrong_use(error: typer.TyperException) -> int:
    """Say in one sentence what is wrong with a command line, with the nearest name if there is one; the exit code."""
    message = error.format_message()
    context = getattr(error, "ctx", None)
    command_path = context.command_path if context else "mova"
    json_events.emit(Error(message, UsageError.exit_code, UsageError.__name__))
    if "\n" in message:  # no arguments at all: the message is the help
        print(message, file=sys.stderr)
    else:
        print(f"{command_path}: {message} (`{command_path} --help` shows what there is)", file=sys.stderr)
    return UsageError.exit_code
