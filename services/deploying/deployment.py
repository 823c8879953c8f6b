"""The record of what `mova deploy` started: .mova/deployment.json.

A process is known by its id and by when it began, so an id that the system has given to another program since is never
taken for the service.
"""

import json
from pathlib import Path
from typing import Any

import psutil

from mova_core.model.pretrained.index import read_json
from mova_core.places import DEPLOYMENT
from mova_core.storage.atomic import write_text


def record_deployment(root: Path, record: dict[str, Any]) -> None:
    """Write the record, in place of the one before.

    Args:
        root: the project's folder.
        record: JSON-able; `pid` and `process_created` (see `identity`) name its process.
    """
    write_text(root / DEPLOYMENT, json.dumps(record, indent=2) + "\n")


def running_deployment(root: Path) -> dict[str, Any] | None:
    """The record of the last deployment if its process still runs, else None.

    Raises:
        StaleError: the record is damaged.
    """
    path = root / DEPLOYMENT
    if not path.is_file():
        return None
    record = read_json(path)
    try:
        return (
            record if identity(record["pid"]) == {name: record[name] for name in ("pid", "process_created")} else None
        )
    except (psutil.NoSuchProcess, KeyError):
        return None


def forget_deployment(root: Path) -> None:
    """Remove the record, if there is one."""
    (root / DEPLOYMENT).unlink(missing_ok=True)


def identity(pid: int) -> dict[str, Any]:
    """What tells a process from every other one, also a later one of the same id.

    Raises:
        psutil.NoSuchProcess: there is none of that id.
    """
    return {"pid": pid, "process_created": psutil.Process(pid).create_time()}
