"""A plan's numbers and tables as text for a terminal."""

from io import StringIO

from rich.console import Console
from rich.table import Table

PREFIXES = ("", "k", "M", "G", "T", "P", "E", "Z")
WIDTH = 100


def time_text(seconds: float) -> str:
    """Seconds, or milliseconds below one."""
    return f"{seconds:,.2f} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"


def si(value: float, unit: str) -> str:
    """Three digits with a prefix of 1000s: 8.30 PFLOP."""
    power = 0
    while value >= 1000 and power < len(PREFIXES) - 1:
        value, power = value / 1000, power + 1
    return f"{value:.3g} {PREFIXES[power]}{unit}"


def rendered(table: Table, width: int = WIDTH) -> str:
    """The table in so many columns, without colours."""
    console = Console(file=StringIO(), width=width)
    with console.capture() as captured:
        console.print(table)
    return captured.get().rstrip()
