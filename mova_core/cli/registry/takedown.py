"""`mova takedown`: a file of the footage may not be used any more."""

from typing import Annotated, Any

import typer


def takedown(
    source: Annotated[
        str | None, typer.Argument(help="The file, its path inside the footage, or its source_id (sha256).")
    ] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Why, for people; kept for ever.")] = None,
    undo: Annotated[bool, typer.Option("--undo", help="It may be used again; recorded as another event.")] = False,
    list_all: Annotated[bool, typer.Option("--list", help="Show what is taken down, and what was.")] = False,
) -> dict[str, Any]:
    """Keep a file out of the next data and of every promotion, and list what must be retrained or withdrawn.

    Files that hold a part of it, as curation found, are taken down with it. It is known by its bytes, under any name;
    data/takedowns.json tells `mova ingest`, so commit that file. Nothing is removed: what to do is listed.

    Example: mova takedown data/footage/interview.mp4 --reason "consent withdrawn"

    Example: mova takedown --list
    """
    from mova_core.errors import UsageError
    from mova_core.registry.database.connection import opened_database
    from mova_core.registry.sync import sync
    from mova_core.registry.takedown.takedown import list_takedowns, restore, take_down

    if list_all:
        if source is not None or reason is not None or undo:
            raise UsageError("--list shows all takedowns: give it alone")
        with opened_database() as engine:
            return list_takedowns(engine)
    if source is None:
        raise UsageError("name a file, its path inside the footage or its source_id, or give --list")
    with opened_database() as engine:
        sync(engine)
        if undo:
            return restore(engine, source, reason or "")
        return take_down(engine, source, reason or "").summary()
