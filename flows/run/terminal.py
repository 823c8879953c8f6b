"""Runs a flow for a person at a terminal: a server of its own, one line a step on the screen, details in `logs/`."""

import logging
import time
from pathlib import Path
from typing import Any

from prefect import Flow
from prefect.events.worker import EventsWorker
from prefect.exceptions import TerminationSignal
from prefect.logging.configuration import setup_logging
from prefect.logging.handlers import APILogWorker
from prefect.settings import PREFECT_API_URL, temporary_settings
from rich.console import Console

from flows.run.artifacts import measured
from flows.run.console import CONSOLE, TerminalConsole
from flows.run.servers.prefect_server import server
from flows.run.uncommitted import advice
from mova_core.errors import MovaError
from mova_core.places import LOGS, REPORT_PAGE


def run_at_terminal(flow: Flow[..., Any], clip: Path, **parameters: Any) -> int:
    """Run the flow and print how it went.

    Args:
        flow: returns a state; a MovaError in it is a failure that it foresaw.
        clip: named at the end, if it is there.
        parameters: its arguments.

    Returns:
        The exit code: 0, or that of the error; 1 when interrupted.
    """
    screen = Console(highlight=False)
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    console = TerminalConsole(screen)
    token = CONSOLE.set(console)
    started = time.monotonic()
    try:
        with server(LOGS / "prefect-server.log") as url, temporary_settings({PREFECT_API_URL: url}):
            _log_to(LOGS / f"{flow.name}.log")
            try:
                flow(**parameters)
            finally:
                _send_what_is_left()
    except MovaError as error:
        console.pause()
        errors.print(f"\n{error}\n\n  logs     {LOGS}/", markup=False)
        return error.exit_code
    except (KeyboardInterrupt, TerminationSignal):
        console.pause()
        errors.print(f"\n{flow.name}: interrupted; finished parts are kept, run it again to go on.", markup=False)
        return 1
    finally:
        CONSOLE.reset(token)
    screen.print()
    if sentence := measured():
        screen.print(f"  measured {sentence}", soft_wrap=True)
    for what, path in (("clip", clip), ("report", REPORT_PAGE)):
        if path.exists():
            screen.print(f"  {what:<8} {path}")
    if command := advice():
        screen.print(f"  keep     {command}", soft_wrap=True, markup=False)
    screen.print(f"  UI       {_ui()}\n  logs     {LOGS}/\n\n{_minutes(time.monotonic() - started)}")
    return 0


def _log_to(path: Path) -> None:
    """Send what Prefect would print to a file instead."""
    setup_logging()
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, mode="w", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s %(message)s"))
    for name in ("", "prefect", "prefect.flow_runs", "prefect.task_runs", "prefect.server", "uvicorn", "fastapi"):
        logger = logging.getLogger(name)
        shown = [one for one in logger.handlers if isinstance(one, logging.StreamHandler)]
        for one in shown:
            logger.removeHandler(one)
            logger.addHandler(handler)


def _send_what_is_left() -> None:
    """Logs and events are sent from the background: all of them, before the server goes."""
    APILogWorker.drain_all()
    EventsWorker.drain_all()


def _ui() -> str:
    """The command of Prefect's UI; a project outside of the repository has no Makefile."""
    return "make ui" if Path("Makefile").is_file() else "python -m flows.deployments --with-server"


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 60 else f"{seconds // 60:.0f} min {seconds % 60:.0f} s"
