"""Finished results of a stage: what a killed run leaves behind and the next one takes over.

One small JSON file a result, named by the hash of its inputs and params; those of a stage lie in a folder of the code
that made them. Written atomically, so a result that is there is whole.
"""

import json
from pathlib import Path
from typing import Any

from mova_core.storage.atomic import write_text
from mova_core.storage.code_version import stage_version


class ResultCache:
    """Results by hash, under `folder/NAME/`."""

    def __init__(self, name: str, folder: Path) -> None:
        self.folder = folder / name

    @classmethod
    def of_stage(cls, stage: str, folder: Path) -> "ResultCache":
        """The results of a stage that its present code made."""
        return cls(f"{stage}/{version_folder(stage_version(stage))}", folder)

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


def version_folder(code: str) -> str:
    """Name of the folder of what one version of the code made."""
    return code[:16]
