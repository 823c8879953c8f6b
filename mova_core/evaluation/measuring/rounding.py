"""Numbers of results at a fixed number of digits, so that the same clips give the same bytes."""

from collections.abc import Mapping
from typing import Any

DIGITS = 6


def rounded(value: Any) -> Any:
    """Plain values with their floats rounded."""
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, Mapping):
        return {key: rounded(each) for key, each in value.items()}
    return [rounded(each) for each in value] if isinstance(value, list | tuple) else value
