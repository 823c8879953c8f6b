"""Finished results of a stage: what a killed run leaves behind and the next one takes over.

One small JSON file a result, named by the hash of its inputs, params and code; written atomically, so a result that is
there is whole.
"""

import json
from pathlib import Path
from typing import Any

from mova_core.storage.atomic import write_text

RESULT_CACHE_FOLDER = Path(".mova/result_cache")


class ResultCache:
    """Results of one stage by hash, under `folder/STAGE/`."""

    def __init__(self, stage: str, folder: Path = RESULT_CACHE_FOLDER) -> None:
        self.folder = folder / stage

    def get(self, key: str) -> Any | None:
        """The result stored under this hash, or None."""
        try:
            return json.loads(self._path(key).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None

    def put(self, key: str, value: Any) -> None:
        """Store a JSON-able result."""
        write_text(self._path(key), json.dumps(value))

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"
