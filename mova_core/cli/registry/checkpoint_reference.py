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


def recorded_checkpoint(checkpoint_id: str, clip: Path) -> Path:
    """The model folder of the checkpoint that made a clip: where it lay when it was last used, else the registry's.

    Raises:
        StaleError: it is not known here.
    """
    from mova_core.errors import MovaError, StaleError
    from mova_core.registry.aliases import CHECKPOINT_ID
    from mova_core.registry.manifests import checkpoint_id_of
    from mova_core.registry.references import model_folder
    from mova_core.storage.known_paths import recall

    folder, holds = recall(checkpoint_id), ""
    if folder is not None and folder.is_dir():
        if (found := checkpoint_id_of(folder)) == checkpoint_id:
            return folder
        holds = f" ({folder}, where it lay, holds {found} now)"
    try:
        if CHECKPOINT_ID.fullmatch(checkpoint_id):  # nothing else that a clip says is taken for a reference
            return model_folder(checkpoint_id)
    except MovaError:
        pass  # answered below
    raise StaleError(
        f"{clip} was made by checkpoint {checkpoint_id}, which is not known here{holds}: name its model folder by "
        "--checkpoint"
    )
