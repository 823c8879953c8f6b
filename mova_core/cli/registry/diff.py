"""`mova registry diff`: what two checkpoints differ in."""

from typing import Annotated, Any

import typer

Reference = Annotated[str, typer.Argument(help="Alias, checkpoint id or model folder.")]


def diff(a: Reference, b: Reference) -> dict[str, Any]:
    """Show what two checkpoints differ in: params and code of each phase, versions of data, metrics with intervals.

    Metrics compare on the same suite and seeds alone, and one of the two counts as better where their intervals do
    not overlap.

    Example: mova registry diff production models/phase3
    """
    from mova_core.registry.database.connection import opened_database, reading
    from mova_core.registry.diff.diff import diff as compare

    with opened_database() as engine, reading(engine) as session:
        return compare(session, a, b).summary()
