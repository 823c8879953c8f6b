"""`mova promote`: move an alias to a candidate that is good enough."""

from typing import Annotated, Any

import typer


def promote(
    candidate: Annotated[
        str, typer.Argument(help="Model folder with its selection.json, a checkpoint id, or another alias.")
    ] = "models/phase3",
    alias: Annotated[str, typer.Option("--alias", help="Such as production or phase1/champion.")] = "production",
) -> dict[str, Any]:
    """Give an alias to a candidate that passed its gates and is not worse than the champion on the same suite.

    Exit 1 if the champion stays; the decision and what was compared are stored either way.

    Example: mova promote models/phase3 --alias production
    """
    from mova_core.errors import MovaError
    from mova_core.registry.database import open_database
    from mova_core.registry.promotion import promote as run_promote
    from mova_core.registry.sync import sync

    engine = open_database()
    sync(engine)
    decision = run_promote(engine, candidate, alias)
    if decision.outcome == "kept":
        raise MovaError(decision.summary()["text"])
    return decision.summary()
