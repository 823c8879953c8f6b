"""`mova package`, `mova serve`, `mova deploy`, `mova registry rollback`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mova_core.cli.model.setting_options import with_settings
from mova_core.options import ParamsFile
from mova_core.params.runtime import ON_ANY_DEVICE, RUNTIME_SETTINGS, RuntimeParams
from mova_core.places import BENTO, CANDIDATE, PARAMS

if TYPE_CHECKING:
    from services.settings import ServiceSettings

Dist = Annotated[Path, typer.Option("--dist", help="The package's folder.")]
Port = Annotated[int | None, typer.Option("--port", min=1, max=65535, help="Instead of serve.port.")]
Host = Annotated[str | None, typer.Option("--host", help="Instead of serve.host.")]


@with_settings(RuntimeParams, RUNTIME_SETTINGS, "runtime")
def package(
    model: Annotated[str, typer.Argument(help="Model folder, alias or checkpoint id.")] = str(CANDIDATE),
    dist: Dist = BENTO,
    *,
    runtime: dict[str, Any],
) -> dict[str, Any]:
    """Build the Bento of a model, with the sha256 of every file of it, and one clip that it makes.

    Example: mova package models/phase3
    """
    from mova_core.cli.registry.checkpoint_reference import resolve_checkpoint
    from services.packaging.package import package as run_package

    return run_package(resolve_checkpoint(model), dist, ON_ANY_DEVICE.changed(**runtime))


@with_settings(RuntimeParams, RUNTIME_SETTINGS, "runtime")
def serve(
    dist: Dist = BENTO,
    params: ParamsFile = PARAMS,
    host: Host = None,
    port: Port = None,
    *,
    runtime: dict[str, Any],
) -> dict[str, Any]:
    """Serve a package until it is interrupted: POST /v1/videos, as the OpenAI videos API names it.

    Example: mova serve --port 3000
    """
    import os

    from services.deploying.process import check_startable, serve_command
    from services.packaging.package import source_folder

    settings = _settings(params, host, port, runtime)
    check_startable(dist, settings)
    command, environment = serve_command(dist, settings), settings.environment()
    os.chdir(source_folder(dist))
    os.execve(command[0], command, environment)


@with_settings(RuntimeParams, RUNTIME_SETTINGS, "runtime")
def deploy(
    context: typer.Context,
    alias: Annotated[str, typer.Option("--alias", help="What names the checkpoint to serve.")] = "production",
    dist: Annotated[
        Path | None, typer.Option("--dist", help="This package instead of the one of the promoted checkpoint.")
    ] = None,
    params: ParamsFile = PARAMS,
    host: Host = None,
    port: Port = None,
    clip: Annotated[Path | None, typer.Option("--clip", help="Keep the clip here that the service answered.")] = None,
    stop: Annotated[
        bool, typer.Option("--stop", help="End what the last deployment started, and nothing else.")
    ] = False,
    *,
    runtime: dict[str, Any],
) -> dict[str, Any]:
    """Serve the promoted model in the background, in place of the one before, and check it by a clip over HTTP.

    The package is the one in dist/bento if it is of the promoted checkpoint, else the one that was kept of it, else a
    new one. The very same package that serves already is kept and only checked.

    Example: mova deploy --alias production
    """
    from services.deploying.deploy import deploy as run_deploy
    from services.deploying.deploy import stop as run_stop

    if stop:
        _refuse_beside_stop(context)
        return run_stop(Path.cwd())
    return run_deploy(alias, _settings(params, host, port, runtime), dist, clip)


def rollback(
    alias: Annotated[str, typer.Argument(help="Such as production or phase1/champion.")] = "production",
) -> dict[str, Any]:
    """Give an alias back to the checkpoint that it named before, and serve that one where the alias is deployed here.

    Every byte of it is compared with its manifest before anything moves. Again: one more back.

    Example: mova registry rollback production
    """
    from services.deploying.rollback import rollback as run_rollback

    return run_rollback(alias, Path.cwd())


def _refuse_beside_stop(context: typer.Context) -> None:
    """An option that --stop would not heed is refused."""
    from mova_core.errors import UsageError

    for name in ("alias", "dist", "params", "host", "port", "clip", *RUNTIME_SETTINGS):
        source = context.get_parameter_source(name)
        if source is not None and source.name != "DEFAULT":
            raise UsageError(f"--{name} has no effect beside --stop, which ends what the last deployment started here")


def _settings(params_file: Path, host: str | None, port: int | None, runtime: dict[str, Any]) -> "ServiceSettings":
    from mova_core.devices import check_there
    from mova_core.params import load_params
    from services.settings import ServiceSettings

    changes = {name: value for name, value in {"host": host, "port": port}.items() if value is not None}
    params = load_params(params_file)
    computes_on = RuntimeParams(**params.generate.model_dump(include=set(RUNTIME_SETTINGS))).changed(**runtime)
    check_there(computes_on.devices)
    return ServiceSettings(Path.cwd(), params.serve.model_copy(update=changes), computes_on)
