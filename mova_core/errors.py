"""What can go wrong, as a tree; each leaf says which exit code it becomes.

MovaError                exit 1, the run failed
├── UsageError           exit 2, wrong use: arguments, params, a folder that is not there
├── ContractBroken       exit 3, the data may not go on
├── ShapeError           exit 1, tensors or arrays that do not fit each other
├── StaleError           exit 1, a file made from other inputs, params or code than now
├── DiskFull             exit 1, no room for what is to be written
├── EndpointError        exit 1, a model of others that does not answer, or not as its protocol says
└── MediaError           exit 1 alone; in curation it becomes a row with a reason and the run goes on

A message is one sentence with what was got, what was expected, where, and what to do.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any


class MovaError(Exception):
    """Any failure this project foresees; `details` is what `--json` tells beside the sentence."""

    exit_code = 1
    details: Mapping[str, Any] = MappingProxyType({})


class UsageError(MovaError):
    """The call itself is wrong: refused before anything is written."""

    exit_code = 2


class ContractBroken(MovaError):
    """Data breaks a critical expectation: nothing downstream may run."""

    exit_code = 3


class ShapeError(MovaError):
    """Arrays or tensors whose shapes do not fit."""


class StaleError(MovaError):
    """A file was made from other inputs, params or code than the present ones."""


class DiskFull(MovaError):
    """A disk or a quota has no room for a file: never the fault of the footage, so it stops the run."""


class EndpointError(MovaError):
    """A model that is asked over HTTP does not answer within its limits, or not as the protocol says."""


class MediaError(MovaError):
    """One file (or one window of it) cannot be used.

    Args:
        code: stable word for tables and counts, such as `no_audio`.
        reason: one sentence for a person.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason

    def __reduce__(self) -> tuple[type["MediaError"], tuple[str, str]]:
        return type(self), (self.code, self.reason)  # both arguments survive the way back from a worker


def first_fault(error: Exception) -> str:
    """The first thing that is wrong with values that were checked: key, what was got, and why it cannot be; of another
    error, such as that of a parser before, what it says."""
    from pydantic import ValidationError

    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    key = ".".join(map(str, first["loc"]))
    got = "" if first["type"] == "missing" else f" is {first['input']!r:.80}"
    message = first["msg"].removeprefix("Value error, ")
    return f"{key}{got}: {message}" if key else message
