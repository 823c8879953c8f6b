"""`mova registry sync`: record what the folders hold."""

from pathlib import Path
from typing import Any


def sync() -> dict[str, Any]:
    """Record what data/, runs/, reports/ and models/ hold; twice changes nothing.

    Example: mova registry sync
    """
    from mova_core.registry.database.connection import opened_database
    from mova_core.registry.sync import sync as run_sync

    with opened_database() as engine:
        return run_sync(engine, Path())
