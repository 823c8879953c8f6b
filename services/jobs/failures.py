"""Why there is no clip: a stable code, a sentence for who asked for it, and the whole text for who runs the service.

The text of an error may name files and machines. So it is shown only where it was written about the request itself.
"""

from mova_core.errors import DiskFull, UsageError
from mova_core.sampling.sampler import NotFinite
from services.requests.errors import InvalidRequest

WORKER_KILLED = "worker_killed"
UNFORESEEN = "internal_error"

SENTENCES: dict[str, str | None] = {
    "invalid_request": None,
    "earlier_version": None,
    "not_finite": "the model's numbers overflowed for this request: ask for weaker guidance scales or another seed",
    WORKER_KILLED: "the process that made this clip was killed again and again: ask for a shorter or smaller one",
    "does_not_fit": "what the clip was to be made from does not fit it: see the lengths and sizes of the files given",
    "no_room": "the service has no room for the clip: try again later, or tell who runs it",
    "out_of_memory": "the service has too little memory for this clip: ask for a shorter or smaller one",
    UNFORESEEN: "the service failed to make this clip, its log says why: try again, or tell who runs it",
}
"""What a client is told, by code; None: the text itself."""


def failure_code(error: Exception) -> str:
    """The code of what ended a job."""
    if isinstance(error, InvalidRequest):
        return "invalid_request"
    if isinstance(error, NotFinite):
        return "not_finite"
    if isinstance(error, UsageError):
        return "does_not_fit"
    if isinstance(error, DiskFull):
        return "no_room"
    # torch.OutOfMemoryError by its name: torch is not imported where jobs are only looked at
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "out_of_memory"
    return UNFORESEEN


def told_of(code: str | None, text: str) -> str:
    """What a client is told of a failed job.

    Args:
        code: of the failure; None of one by an earlier version.
        text: the error's own.
    """
    sentence = SENTENCES.get(code or UNFORESEEN, SENTENCES[UNFORESEEN])
    return text if sentence is None else sentence
