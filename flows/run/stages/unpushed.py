"""What this project has made since it was last pushed to its DVC remote: `.mova/unpushed.json`, a list of targets.

A stage is noted before DVC runs it, so that a run killed at any point leaves nothing out; whoever has pushed it takes
it off the list. Targets are as on DVC's command line: stages (`encode@nano-32`) and files such as `data/footage.dvc`.
"""

import json
from collections.abc import Iterable

from mova_core.places import UNPUSHED
from mova_core.storage.atomic import write_text


def unpushed() -> list[str]:
    """The targets on the list, in the order they were made."""
    return list(json.loads(UNPUSHED.read_text(encoding="utf-8"))) if UNPUSHED.exists() else []


def note_unpushed(target: str) -> bool:
    """Put a target on the list; whether it was not there before."""
    listed = unpushed()
    if target in listed:
        return False
    _write([*listed, target])
    return True


def note_pushed(targets: Iterable[str]) -> None:
    """Take targets off the list."""
    gone = set(targets)
    _write([target for target in unpushed() if target not in gone])


def _write(targets: list[str]) -> None:
    write_text(UNPUSHED, json.dumps(targets) + "\n")
