"""What a person at a terminal sees of a run: a numbered line a stage, the contracts in one line, and nothing else.

Tasks tell `CONSOLE.get()` what happens. It prints nothing (under a server the UI shows the run) unless the command line
has put a `TerminalConsole` there. On a terminal the running stage has a progress bar, elsewhere only finished lines
appear.
"""

import time
from contextvars import ContextVar
from typing import Literal

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

How = Literal["done", "unchanged", "failed"]
MARKS: dict[How, str] = {"done": "[green]✔[/]", "unchanged": "[dim]✔[/]", "failed": "[red]✘[/]"}
CONTRACT, TRAIN = "contract@", "train@"
WIDTH = 100


class RunConsole:
    """Prints nothing; `TerminalConsole` prints what it is told."""

    def expect(self, names: list[str]) -> None:
        """The steps to come, in order."""

    def begins(self, name: str) -> None:
        """A step starts, or starts again."""

    def progress(self, done: int, total: int) -> None:
        """How far the running step is."""

    def ends(self, name: str, how: How, summary: str = "") -> None:
        """A step has ended; `summary` is what it says of itself, a line or some."""

    def warns(self, sentence: str) -> None:
        """Something did not work, and the run goes on without it."""


CONSOLE: ContextVar[RunConsole] = ContextVar("CONSOLE", default=RunConsole())  # noqa: B039  the default has no state


class TerminalConsole(RunConsole):
    """Prints to a console."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._steps: list[str] = []
        self._contracts: dict[str, How | None] = {}
        self._contracts_s = 0.0
        self._started = 0.0
        self._bar: Progress | None = None
        self._task = TaskID(0)

    def expect(self, names: list[str]) -> None:
        # Contracts of the data share a line; a later one is a step like any other.
        training = next((index for index, name in enumerate(names) if name.startswith(TRAIN)), len(names))
        self._contracts = {name: None for name in names[:training] if name.startswith(CONTRACT)}
        last_contract = list(self._contracts)[-1:]
        self._steps = [name for name in names if name not in self._contracts or [name] == last_contract]

    def begins(self, name: str) -> None:
        self._started = time.monotonic()
        if self._console.is_terminal and self._bar is None:
            columns = (
                TextColumn("{task.description}"),
                SpinnerColumn(),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
            )
            self._bar = Progress(*columns, console=self._console, transient=True)
            self._task = self._bar.add_task(f"{' ' * 6}{name:<16}", total=None)
            self._bar.start()

    def progress(self, done: int, total: int) -> None:
        if self._bar:
            self._bar.update(self._task, completed=done, total=total)

    def ends(self, name: str, how: How, summary: str = "") -> None:
        self.pause()
        seconds = time.monotonic() - self._started
        if name in self._contracts:
            self._contracts[name] = how
            self._contracts_s += seconds
            if name == self._contracts_step or how == "failed":
                ticks = [f"{key.removeprefix(CONTRACT)} {MARKS[end]}" for key, end in self._contracts.items() if end]
                self._line(self._contracts_step, "contracts", "  ".join(ticks), self._contracts_s)
        else:
            text = escape(summary) if how == "done" else f"[dim]{how}[/]" if how == "unchanged" else f"[red]{how}[/]"
            self._line(name, name, text, seconds)

    def warns(self, sentence: str) -> None:
        self.pause()
        self._console.print(f"[yellow]![/] {escape(sentence)}", soft_wrap=True, highlight=False)

    def pause(self) -> None:
        """Take the moving bar off the screen."""
        if self._bar:
            self._bar.stop()
            self._bar = None

    @property
    def _contracts_step(self) -> str:
        return next(name for name in self._steps if name in self._contracts)

    def _line(self, step: str, title: str, text: str, seconds: float) -> None:
        count = len(self._steps)
        text, *more = text.split("\n")
        number = f"[{self._steps.index(step) + 1:>{len(str(count))}}/{count}]"
        head = f"\\{number} [bold]{title:<15}[/] {text} "
        width = min(WIDTH, self._console.width)
        used = self._console.render_str(head).cell_len
        took = f"{seconds:.0f} s" if seconds >= 0.5 else ""
        self._console.print(f"{head}{took:>{max(0, width - used)}}", soft_wrap=True, highlight=False)
        for line in more:
            self._console.print(f"{'':{len(number) + 17}}[dim]{line}[/]", soft_wrap=True, highlight=False)
