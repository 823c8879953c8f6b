"""SHA-256 of files and of plain values."""

import hashlib
import importlib.util
import json
from functools import cache
from pathlib import Path
from typing import Any


def sha256_file(path: Path) -> str:
    """Hex digest of a file's bytes, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_json(*values: Any, modules: tuple[str, ...] = ()) -> str:
    """Hex digest of plain values (JSON) and of the source of the named modules or packages."""
    digest = hashlib.sha256()
    digest.update(json.dumps(values, sort_keys=True, separators=(",", ":"), default=_plain).encode())
    for module in modules:
        digest.update(_source_digest(module).encode())
    return digest.hexdigest()


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json")  # pydantic params; anything else is a mistake worth a TypeError


@cache
def _source_digest(module: str) -> str:
    spec = importlib.util.find_spec(module)
    assert spec is not None and spec.origin is not None, module
    origin = Path(spec.origin)
    files = sorted(origin.parent.rglob("*.py")) if spec.submodule_search_locations else [origin]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()
