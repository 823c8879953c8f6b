"""`mova promote`: move an alias to a candidate that is good enough, or back."""

from typing import Annotated, Any

import typer

from mova_core.options import ParamsFile
from mova_core.places import CANDIDATE, PARAMS


def promote(
    candidate: Annotated[
        str | None,
        typer.Argument(
            help=f"Model folder with its selection.json, a checkpoint id, or another alias; default {CANDIDATE}."
        ),
    ] = None,
    alias: Annotated[str, typer.Option("--alias", help="Such as production or phase1/champion.")] = "production",
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Give the alias back to the checkpoint that it named before.")
    ] = False,
    params_file: ParamsFile = PARAMS,
) -> dict[str, Any]:
    """Give an alias to a candidate that passed its gates and is not worse than the champion on the same suite.

    A champion that was evaluated on another suite is evaluated on the candidate's first. Exit 1 if the champion stays;
    the decision and what was compared are stored either way. What is promoted is kept in .mova/artifacts for good.

    Example: mova promote models/phase3 --alias production
    Example: mova promote --rollback
    """
    from mova_core.errors import MovaError, UsageError
    from mova_core.registry.database.connection import opened_database

    if rollback and candidate is not None:
        raise UsageError(f"{candidate} has no effect beside --rollback, which takes the checkpoint before")
    with opened_database() as engine:
        if rollback:
            from mova_core.registry.promotion.rollback import roll_back

            return roll_back(engine, alias).summary()
        from mova_core.evaluation.promote import promote as run_promote

        decision = run_promote(engine, candidate or str(CANDIDATE), alias, params_file)
    if decision.outcome == "kept":
        raise MovaError(decision.summary()["text"])
    return decision.summary()
