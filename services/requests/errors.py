"""What can be wrong with a request, told to whoever sent it: of its own fields, never of this machine."""

from mova_core.errors import UsageError


class InvalidRequest(UsageError):
    """A field that cannot be.

    Args:
        message: one sentence.
        param: the field.
    """

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


class UnknownModel(InvalidRequest):
    """Another model than the served one was asked for."""
