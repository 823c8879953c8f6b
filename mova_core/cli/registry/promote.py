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
    force: Annotated[
        bool,
        typer.Option("--force", help="Promote whatever the comparison with the champion says; needs --reason."),
    ] = False,
    reason: Annotated[
        str | None, typer.Option("--reason", help="With --force: why; it stays in the sealed log and is always shown.")
    ] = None,
    params_file: ParamsFile = PARAMS,
) -> dict[str, Any]:
    """Give an alias to a candidate that passed its gates and is not significantly worse than the champion.

    Both are compared on the same suite, seeds and versions of metrics, clip by clip; a champion that was measured
    otherwise is measured again first. The model as it is kept must then make a clip (section `promote` of the params).
    Exit 1 if the champion stays; the decision and what was compared are stored either way. What is promoted is kept for
    good.

    Example: mova promote models/phase3 --alias production

    Example: mova promote models/phase3 --force --reason "the champion was trained on footage that was withdrawn"
    """
    from mova_core.errors import MovaError, UsageError
    from mova_core.evaluation.promote import promote as run_promote
    from mova_core.registry.database.connection import opened_database

    if force != (reason is not None):
        raise UsageError(
            'a forced promotion needs --reason "…", which stays in the log' if force else "--reason goes with --force"
        )
    with opened_database() as engine:
        decision = run_promote(engine, candidate, alias, params_file, force=reason)
    if decision.outcome == "kept":
        raise MovaError(decision.summary()["text"])
    return decision.summary()
