"""What a run made, as hashes to compare two runs by."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def hashes() -> Callable[[Path], dict[str, str]]:
    """Function from a folder to sha256 by relative path, of everything a stage answers for."""

    def of(folder: Path) -> dict[str, str]:
        found = {}
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts):
                found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        return found

    return of
