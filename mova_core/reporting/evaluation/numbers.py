"""Values of metrics as the page prints them."""


def number(value: float) -> str:
    """Three decimals for small numbers, fewer for large ones."""
    digits = 3 if abs(value) < 10 else 1 if abs(value) < 1000 else 0
    return f"{value:.{digits}f}".replace("-", "−")


def signed(value: float) -> str:
    """The same with its sign."""
    return number(value) if value < 0 else f"+{number(value)}"


def span(low: float | None, high: float | None) -> str | None:
    """An interval; None where there is none."""
    return None if low is None or high is None else f"{number(low)} to {number(high)}"
