"""A file that params name by path and sha256: it is there, of its kind, and the one that was stated."""

from pathlib import Path

from mova_core.errors import UsageError
from mova_core.storage.hashing import sha256_file


def check_stated_file(key: str, path: Path, sha256: str, suffix: str) -> None:
    """Compare a file with what is stated of it.

    Args:
        key: of the params that state it, for messages.
        path: of the file.
        sha256: hex digest that its bytes should have.
        suffix: that its name should end in.

    Raises:
        UsageError: it is missing, of another kind, or not the one.
    """
    if path.suffix != suffix:
        raise UsageError(f"{key}.path is {path}, expected a {suffix} file: convert the weights")
    if not path.is_file():
        raise UsageError(f"{key}.path is {path}, and there is no such file: set it to where the weights lie")
    found = sha256_file(path)
    if found != sha256:
        raise UsageError(f"{key}: {path} has sha256 {found}, expected {sha256}: bring that file, or state this hash")
