"""`mova registry`: what happened, from footage to served clip."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mova_core.cli.main import command

registry = typer.Typer(
    help="What happened, from footage to served clip; in $MOVA_DATABASE_URL or .mova/registry.db.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def sync() -> dict[str, Any]:
    """Record what data/, runs/, reports/ and models/ hold; twice changes nothing.

    Example: mova registry sync
    """
    from mova_core.registry.database.connection import opened_database
    from mova_core.registry.sync import sync as run_sync

    with opened_database() as engine:
        return run_sync(engine, Path())


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


def lineage(
    reference: Annotated[
        str,
        typer.Argument(
            help="A generated clip's file, a training clip's id, a table's file, a job, a checkpoint id, an alias or a "
            "model folder."
        ),
    ],
) -> dict[str, Any]:
    """Trace a clip (or anything before it) back to its footage, each step with its hash.

    Example: mova registry lineage clip.mp4
    """
    from dataclasses import asdict

    from mova_core.registry.database.connection import opened_database, reading
    from mova_core.registry.lineage.lineage import lineage as trace
    from mova_core.registry.lineage.tree import draw

    with opened_database() as engine, reading(engine) as session:
        node = trace(session, reference)
    return asdict(node) | {"text": draw(node)}


for _name, _function in (("sync", sync), ("list", list_rows), ("lineage", lineage)):
    registry.command(_name)(command(_function, f"registry {_name}"))
