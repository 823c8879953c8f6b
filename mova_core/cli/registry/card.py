"""`mova registry card`: the model card of a checkpoint."""

from typing import Annotated, Any

import typer

from mova_core.options import ParamsFile
from mova_core.places import PARAMS


def card(
    reference: Annotated[str, typer.Argument(help="Alias, checkpoint id or model folder.")] = "production",
    params_file: ParamsFile = PARAMS,
) -> dict[str, Any]:
    """Write the model card of a checkpoint into reports/cards/, as Markdown and HTML.

    It tells what it is for, its limits, its metrics, data with rights and consent, params, cost and promotions.

    Example: mova registry card production
    """
    from mova_core.params import load_params
    from mova_core.registry.database.connection import opened_database, reading
    from mova_core.reporting.model_card.card import write_model_card

    with opened_database() as engine, reading(engine) as session:
        return write_model_card(session, reference, load_params(params_file))
