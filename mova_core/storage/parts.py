"""Finished parts of a stage: what a killed run leaves behind and the next one takes over.

One small JSON file a part, named by its fingerprint; written atomically, so a part that is there is whole.
"""

import json
from pathlib import Path
from typing import Any

from mova_core.storage.atomic import write_text

PARTS_FOLDER = Path(".mova/parts")


class Parts:
    """Results of one stage by fingerprint, under `folder/STAGE/`."""

    def __init__(self, stage: str, folder: Path = PARTS_FOLDER) -> None:
        self.folder = folder / stage

    def get(self, key: str) -> Any | None:
        """The result stored under this fingerprint, or None."""
        try:
            return json.loads(self._path(key).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None

    def put(self, key: str, value: Any) -> None:
        """Store a JSON-able result."""
        write_text(self._path(key), json.dumps(value))

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"
