"""What a finished part was made from, as one hash: inputs, params and the code itself.

A rerun takes over a part whose fingerprint still holds and makes the others again.
"""

import hashlib
import importlib.util
import json
from functools import cache
from pathlib import Path
from typing import Any


def fingerprint(*values: Any, modules: tuple[str, ...] = ()) -> str:
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
