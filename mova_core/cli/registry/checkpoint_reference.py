"""What `--checkpoint REF` means: a model folder, or an alias or checkpoint id that the registry knows."""

from pathlib import Path


def resolve_checkpoint(reference: str) -> Path:
    """The model folder that a reference names.

    Raises:
        UsageError: it names neither a folder nor anything in the registry.
        StaleError: the folder it names now holds another checkpoint.
    """
    folder = Path(reference)
    if folder.is_dir():
        return folder
    from mova_core.registry.references import model_folder

    return model_folder(reference)
