"""Numbers as a person says them, and names from outside as a page may show them."""

from mova_core.printable import printable


def plural(count: int, noun: str) -> str:
    """`1 clip`, `2 clips`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def duration(seconds: float) -> str:
    """Seconds as a person says them: 48 s, 6 min 31 s, 2 h 05 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def one_line(text: str) -> str:
    """Text from outside without line ends; characters that would steer a reader's eye or a browser are escaped."""
    return printable(" ".join(text.split()))
