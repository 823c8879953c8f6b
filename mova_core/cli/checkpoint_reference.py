"""What `--checkpoint REF` means: a model folder."""

from pathlib import Path

from mova_core.errors import UsageError


def resolve_checkpoint(reference: str) -> Path:
    """The model folder that a reference names.

    Raises:
        UsageError: there is no such folder.
    """
    folder = Path(reference)
    if not folder.is_dir():
        raise UsageError(f"{reference!r} names no model folder: give one, such as models/phase3")
    return folder
