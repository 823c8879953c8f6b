"""`mova registry gc`: what may be removed from a project, and removing it."""

from pathlib import Path
from typing import Annotated, Any

import typer


def gc(
    remove: Annotated[bool, typer.Option("--remove", help="Remove what is listed; without it nothing is.")] = False,
) -> dict[str, Any]:
    """List what may be removed from this project, with sizes: earlier runs, cached results of other code, leavings.

    An earlier run lies in runs/kept/. One that a promoted model came from, or was trained from, is never listed, nor
    is anything that DVC tracks.

    Example: mova registry gc --remove
    """
    from mova_core.registry.database.connection import opened_database
    from mova_core.registry.garbage.project import find_garbage
    from mova_core.registry.sync import sync

    root = Path()
    with opened_database() as engine:
        sync(engine)  # a run that was never recorded must not be taken for one that nobody needs
        found = find_garbage(root, engine)
    if remove:
        for each in found:
            each.remove(root)
    total = sum(each.bytes for each in found)
    lines = [f"{each.bytes / 2**20:10.1f} MiB  {each.path}  ({each.reason})" for each in found]
    what = "removed" if remove else "could be removed: `mova registry gc --remove` does it"
    lines.append(f"{total / 2**20:10.1f} MiB in {len(found)} places {what}" if found else "nothing to remove")
    return {
        "removed": remove,
        "bytes": total,
        "found": [{"path": str(each.path), "bytes": each.bytes, "reason": each.reason} for each in found],
        "text": "\n".join(lines),
    }
