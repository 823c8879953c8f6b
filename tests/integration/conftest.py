"""What a run made, as hashes to compare two runs by."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from mova_core.places import TENSORBOARD


@pytest.fixture(scope="session")
def hashes() -> Callable[[Path], dict[str, str]]:
    """Function from a folder to sha256 by relative path, of everything a stage answers for."""

    def of(folder: Path) -> dict[str, str]:
        found = {}
        for path in sorted(folder.rglob("*")):
            parts = path.relative_to(folder).parts
            # Event files hold the time of day, also in their names: DVC ignores them.
            ignored = TENSORBOARD in parts or any(part.startswith(".") for part in parts)
            if path.is_file() and not ignored:
                found["/".join(parts)] = hashlib.sha256(path.read_bytes()).hexdigest()
        return found

    return of
