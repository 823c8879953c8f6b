"""`mova registry lineage`: from a served clip back to its footage."""

from typing import Annotated, Any

import typer


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
