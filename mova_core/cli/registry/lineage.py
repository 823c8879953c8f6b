"""`mova registry lineage`: from a served clip back to its footage, and from footage forward."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def lineage(
    reference: Annotated[
        str,
        typer.Argument(
            help="A generated clip's file, a training clip's id, a table's file, a job, a checkpoint id, an alias or a "
            "model folder; with --forward a file of the footage, its path inside the footage, or its source_id."
        ),
    ],
    forward: Annotated[
        bool, typer.Option("--forward", help="From a file of the footage to all that it reached.")
    ] = False,
) -> dict[str, Any]:
    """Trace a clip (or anything before it) back to its footage, each step with its hash; or a file of it forward.

    Example: mova registry lineage clip.mp4

    Example: mova registry lineage --forward interview.mp4
    """
    from dataclasses import asdict

    from mova_core.registry.database.connection import opened_database, reading
    from mova_core.registry.lineage.lineage import lineage as trace
    from mova_core.registry.lineage.tree import draw

    with opened_database() as engine, reading(engine) as session:
        if forward:
            return _forward(session, reference)
        node = trace(session, reference)
    return asdict(node) | {"text": draw(node)}


def _forward(session: "Session", reference: str) -> dict[str, Any]:
    from mova_core.registry.footage.find import find_source
    from mova_core.registry.lineage.forward import forward
    from mova_core.registry.lineage.forward_text import forward_text

    reached = forward(session, [find_source(session, reference)])
    return reached.summary() | {"text": forward_text(reached)}
