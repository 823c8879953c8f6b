"""`mova registry gc`: what may be removed from a project, and removing it."""

from pathlib import Path
from typing import Annotated, Any

import typer


def gc(
    remove: Annotated[bool, typer.Option("--remove", help="Remove what is listed; without it nothing is.")] = False,
) -> dict[str, Any]:
    """List what may be removed from this project and its artifact store, with sizes, and remove it with --remove.

    Listed are earlier runs (runs/kept/), promoted models and packages, blobs that nothing lists, cached results of
    other code, and leavings. Never listed is what an alias, a deployment, a clip of the service or the last
    registry.keep_last checkpoints came from, nor anything that DVC tracks or that is younger than a day in the store.

    Example: mova registry gc --remove
    """
    from mova_core.registry.database.connection import opened_database
    from mova_core.registry.garbage.collect import find_garbage, remove_garbage
    from mova_core.registry.sync import sync

    root = Path()
    with opened_database() as engine:
        sync(engine)  # a run that was never recorded must not be taken for one that nobody needs
        found = remove_garbage(root, engine) if remove else find_garbage(root, engine)
    total = sum(each.bytes for each in found)
    lines = [f"{each.bytes / 2**20:10.1f} MiB  {each.place}  ({each.reason})" for each in found]
    what = "removed" if remove else "could be removed: `mova registry gc --remove` does it"
    lines.append(f"{total / 2**20:10.1f} MiB in {len(found)} places {what}" if found else "nothing to remove")
    return {
        "removed": remove,
        "bytes": total,
        "found": [{"place": each.place, "bytes": each.bytes, "reason": each.reason} for each in found],
        "text": "\n".join(lines),
    }
