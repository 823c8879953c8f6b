"""`mova registry verify`: is everything still as it was recorded."""

from typing import Annotated, Any

import typer


def verify(
    reference: Annotated[
        str | None,
        typer.Argument(metavar="[REF]", help="Alias, checkpoint id or model folder; none: all that is kept."),
    ] = None,
) -> dict[str, Any]:
    """Read every byte again that a checkpoint reaches, and compare it with its manifest and with the registry.

    Compared are the kept model and package, the artifact store, the runs, tables, latents and evaluations that are
    still here, aliases, and the log of promotions. Every fault is told with what to do; exit 1 if there are any.

    Example: mova registry verify production
    """
    from mova_core.registry.database.connection import opened_database
    from mova_core.registry.verify.verify import verify as run_verify

    with opened_database() as engine:
        return run_verify(engine, reference).summary()
