"""`mova package`, `mova serve`, `mova deploy`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mova_core.cli.options import ParamsFile

if TYPE_CHECKING:
    from services.settings import ServiceSettings

Dist = Annotated[Path, typer.Option("--dist", help="The package's folder.")]
Port = Annotated[int | None, typer.Option("--port", min=1, max=65535, help="Instead of serve.port.")]
Host = Annotated[str | None, typer.Option("--host", help="Instead of serve.host.")]


def package(
    model: Annotated[str, typer.Argument(help="Model folder, alias or checkpoint id.")] = "models/phase3",
    dist: Dist = Path("dist/bento"),
) -> dict[str, Any]:
    """Build the Bento of a model, with the sha256 of every file of it, and one clip that it makes.

    Example: mova package models/phase3
    """
    from mova_core.cli.checkpoint_reference import resolve_checkpoint
    from services.package import package as run_package

    return run_package(resolve_checkpoint(model), dist)


def serve(
    dist: Dist = Path("dist/bento"), params: ParamsFile = Path("params.yaml"), host: Host = None, port: Port = None
) -> dict[str, Any]:
    """Serve a package until it is interrupted: POST /v1/videos, as the OpenAI videos API names it.

    Example: mova serve --port 3000
    """
    import os

    from services.package import source_folder
    from services.process import check_startable, serve_command

    settings = _settings(params, host, port)
    check_startable(dist, settings)
    command, environment = serve_command(dist, settings), settings.environment()
    os.chdir(source_folder(dist))
    os.execve(command[0], command, environment)


def deploy(
    alias: Annotated[str, typer.Option("--alias", help="What must name the package's checkpoint.")] = "production",
    dist: Dist = Path("dist/bento"),
    params: ParamsFile = Path("params.yaml"),
    host: Host = None,
    port: Port = None,
) -> dict[str, Any]:
    """Serve the promoted package in the background, in place of the one before, and check it by a clip over HTTP.

    Example: mova deploy --alias production
    """
    from services.deploy import deploy as run_deploy

    return run_deploy(dist, alias, _settings(params, host, port))


def _settings(params_file: Path, host: str | None, port: int | None) -> "ServiceSettings":
    from mova_core.params import load_params
    from services.settings import ServiceSettings

    changes = {name: value for name, value in {"host": host, "port": port}.items() if value is not None}
    return ServiceSettings(Path.cwd(), load_params(params_file).serve.model_copy(update=changes))
