"""`mova`: gathers its subcommands from the entry-point group `mova.commands`.

Every command gets `--json` (its summary as one JSON object) and `--debug` (tracebacks), prints errors as one sentence,
and exits 0 on success, 1 on a failed run, 2 on wrong use, 3 on a broken contract. Command modules import what is heavy
inside the function, so `mova --help` stays fast.
"""

import functools
import inspect
import json
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any

import typer

from mova_core.errors import ContractBroken, MovaError

JSON_OPTION = typer.Option(False, "--json", help="Print the summary as one JSON object.")
DEBUG_OPTION = typer.Option(False, "--debug", help="Show the traceback of an error.")


def main() -> None:
    """Entry point of the `mova` script."""
    build_app()()


def build_app() -> typer.Typer:
    """The whole command line, one subcommand per entry point, in the order of the life of a clip."""
    app = typer.Typer(
        help="Own a MOVA-class video-and-sound model: from raw footage to an HTTP endpoint.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for entry in sorted(entry_points(group="mova.commands"), key=lambda entry: entry.name):
        loaded = entry.load()
        if isinstance(loaded, typer.Typer):
            app.add_typer(loaded, name=entry.name)
        else:
            app.command(entry.name)(command(loaded, entry.name))
    return app


def command(function: Callable[..., dict[str, Any] | None], name: str) -> Callable[..., None]:
    """Wrap a function that returns its summary (a dict whose `text` is for people) into a command."""

    @functools.wraps(function)
    def wrapped(*args: Any, json_output: bool, debug: bool, **kwargs: Any) -> None:
        try:
            summary = function(*args, **kwargs) or {}
        except MovaError as error:
            if debug:
                raise
            _print_error(name, error, json_output)
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            print(f"mova {name}: interrupted; finished parts are kept, run it again to go on.", file=sys.stderr)
            raise typer.Exit(1) from None
        except Exception as error:
            if debug:
                raise
            sentence = f"unexpected {type(error).__name__}: {error} (a bug: run again with --debug and report it)"
            _print_error(name, MovaError(sentence), json_output)
            raise typer.Exit(1) from None
        text = summary.pop("text", None)
        if json_output:
            print(json.dumps(summary))
        elif text:
            print(text)

    signature = inspect.signature(function)
    extra = [
        inspect.Parameter("json_output", inspect.Parameter.KEYWORD_ONLY, default=JSON_OPTION, annotation=bool),
        inspect.Parameter("debug", inspect.Parameter.KEYWORD_ONLY, default=DEBUG_OPTION, annotation=bool),
    ]
    signature = signature.replace(parameters=[*signature.parameters.values(), *extra])
    wrapped.__signature__ = signature  # type: ignore[attr-defined]  # what typer reads
    wrapped.__annotations__ = {**function.__annotations__, "json_output": bool, "debug": bool, "return": None}
    return wrapped


def _print_error(name: str, error: MovaError, json_output: bool) -> None:
    if json_output:
        print(json.dumps({"error": str(error), "exit_code": error.exit_code}))
    else:
        # A broken contract tells its own story over several lines; anything else is one sentence of this command.
        prefix = "" if isinstance(error, ContractBroken) else f"mova {name}: "
        print(f"{prefix}{error}", file=sys.stderr)
