"""`mova registry list`: the rows of the registry."""

from typing import Annotated, Any

import typer


def list_rows(
    table: Annotated[
        str | None,
        typer.Argument(
            help="datasets, runs, checkpoints, evaluations, aliases, artifacts, promotions or jobs; none: all."
        ),
    ] = None,
) -> dict[str, Any]:
    """Show what happened: datasets, runs, checkpoints, evaluations and aliases with their ids, or one table.

    Example: mova registry list promotions
    """
    from mova_core.registry.database.connection import opened_database, reading
    from mova_core.registry.listing import listing

    with opened_database() as engine, reading(engine) as session:
        return listing(session, table)
