"""Which files may be kept of a model or a package: weights as safetensors, and kinds that nothing unpickles."""

from collections.abc import Iterable
from pathlib import PurePosixPath

from mova_core.errors import UsageError
from mova_core.model.pretrained.index import PICKLES

OF_A_MODEL = (".safetensors", ".json", ".jsonl", ".txt", ".model", ".md")  # weights, configs, tokenizers, evaluation


def check_kinds(names: Iterable[str], *, only_weights: bool) -> None:
    """Refuse an artifact with a pickle in it, and a model with a file that no model has.

    Args:
        names: of its files, as its manifest lists them.
        only_weights: whether it is a model; a package holds code too, of any kind.

    Raises:
        UsageError: names the first.
    """
    for name in names:
        suffix = PurePosixPath(name).suffix.lower()
        if suffix in PICKLES:
            raise UsageError(
                f"{name!r} is a pickle, which can run code when read: only safetensors are kept; "
                "convert it and select again"
            )
        if only_weights and suffix not in OF_A_MODEL:
            raise UsageError(f"{name!r} is no file of a model ({', '.join(OF_A_MODEL)}): remove it and select again")
