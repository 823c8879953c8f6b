"""`mova registry rollback`: an alias goes back, and with it the service that is deployed of it here."""

from pathlib import Path
from typing import Any

from mova_core.errors import MovaError
from mova_core.params.model import ServeParams
from mova_core.params.runtime import RuntimeParams
from mova_core.registry.database.connection import opened_database
from mova_core.registry.promotion.rollback import roll_back
from services.deploying.deploy import deploy
from services.deploying.deployment import running_deployment
from services.settings import ServiceSettings


def rollback(alias: str, root: Path) -> dict[str, Any]:
    """Move an alias to the checkpoint before; a running deployment of it is replaced, with the settings that it has.

    Args:
        alias: such as `production`.
        root: the project's folder.

    Returns:
        The decision; `deployed` is what `mova deploy` tells, None where no deployment of the alias runs here.

    Raises:
        UsageError: the alias names nothing, or there is nothing before it.
        StaleError: the checkpoint before is not here or was altered. The alias is not moved.
        MovaError: the alias was moved, but the service could not be replaced.
    """
    former = running_deployment(root)
    settings = None if former is None or former["alias"] != alias else _settings(former, root)
    with opened_database(ServiceSettings(root, ServeParams()).database_url) as engine:
        moved = roll_back(engine, alias, root).summary()
    if settings is None:
        text = f"{moved['text']} No deployment of it runs here: `mova deploy --alias {alias}` starts one."
        return moved | {"deployed": None, "text": text}
    try:
        deployed = deploy(alias, settings)
    except MovaError as error:
        raise MovaError(
            f"{moved['text']} It could not be deployed, though ({error}): mend it and run `mova deploy --alias {alias}`"
        ) from None
    return moved | {"deployed": deployed, "text": f"{moved['text']}\n{deployed['text']}"}


def _settings(deployment: dict[str, Any], root: Path) -> ServiceSettings:
    """Where and how the running deployment serves."""
    params = ServeParams.model_validate(deployment["params"])
    return ServiceSettings(root, params, RuntimeParams.model_validate(deployment["runtime"]))
