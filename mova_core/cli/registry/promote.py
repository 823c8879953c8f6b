"""`mova promote`: move an alias to a candidate that is good enough."""

from typing import Annotated, Any

import typer

from mova_core.options import ParamsFile
from mova_core.places import CANDIDATE, PARAMS


def promote(
    candidate: Annotated[
        str, typer.Argument(help="Model folder with its selection.json, a checkpoint id, or another alias.")
    ] = str(CANDIDATE),
    alias: Annotated[str, typer.Option("--alias", help="Such as production or phase1/champion.")] = "production",
    params_file: ParamsFile = PARAMS,
) -> dict[str, Any]:
    """Give an alias to a candidate that passed its gates and is not worse than the champion on the same suite.

    A champion that was evaluated on another suite is evaluated on the candidate's first. Exit 1 if the champion stays;
    the decision and what was compared are stored either way. What is promoted is kept in .mova/artifacts for good.

    Example: mova promote models/phase3 --alias production
    """
    from mova_core.errors import MovaError
    from mova_core.evaluation.promote import promote as run_promote
    from mova_core.registry.database.connection import opened_database

    with opened_database() as engine:
        decision = run_promote(engine, candidate, alias, params_file)
    if decision.outcome == "kept":
        raise MovaError(decision.summary()["text"])
    return decision.summary()
