"""`mova arena`: which of two clips is better, asked of people who do not know who made them."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mova_core.cli.main import command

arena = typer.Typer(
    help="Blind votes on pairs of clips, and the ratings that follow; in the registry's database.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
PORT = 4300


def add(
    folder: Annotated[Path, typer.Argument(help="Folder of .mp4 files, or of an evaluation.")],
    name: Annotated[str, typer.Option("--name", help="Of the contender: a checkpoint id, or any other name.")],
    prompts: Annotated[
        Path | None,
        typer.Option(
            "--prompts",
            help="JSONL file of their prompts, as of `mova generate` or a suite: a line's clip is NAME.mp4.",
            show_default="the evaluation's, or what each clip says of itself",
        ),
    ] = None,
) -> dict[str, Any]:
    """Make a folder of clips a contender; they meet clips of other contenders that have the same prompt.

    Example: mova arena add --name phase3 reports/evaluation/phase3
    """
    from mova_core.evaluation.arena.add import add as run_add
    from mova_core.registry.database.connection import opened_database

    with opened_database() as engine:
        return run_add(engine, name, folder, prompts, Path.cwd())


def serve(
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port to listen on.")] = PORT,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-host", help="A name that browsers call it by, such as arena.example.org. May be repeated."
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option("--seed", min=0, help="Of sides and pairs; keep it secret.", show_default="drawn anew"),
    ] = None,
) -> dict[str, Any]:
    """Serve the page on which people vote, until it is interrupted.

    Example: mova arena serve --port 4300
    """
    from mova_core.registry.database.connection import opened_database
    from services.arena.serve import Address
    from services.arena.serve import serve as run_serve

    with opened_database() as engine:
        run_serve(engine, Path.cwd(), Address(host, port, allow_host or ()), seed)
    return {}


def results(
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of Elo's bootstrap.")] = 0,
) -> dict[str, Any]:
    """Show what the votes say: Elo, Bradley-Terry and who beats whom; with --json in every dimension.

    Example: mova arena results
    """
    from mova_core.evaluation.arena.results import results as run_results
    from mova_core.registry.database.connection import opened_database, reading

    with opened_database() as engine, reading(engine) as session:
        return run_results(session, seed)


def judge() -> dict[str, Any]:
    """Have the vision-language model at MOVA_VLM_URL vote on every pair, by frames alone and apart from people.

    Example: mova arena judge
    """
    from mova_core.endpoints.endpoint import Endpoint
    from mova_core.evaluation.arena.judge import judge as run_judge
    from mova_core.registry.database.connection import opened_database

    endpoint = Endpoint.from_environment("VLM")
    with opened_database() as engine:
        return run_judge(engine, Path.cwd(), endpoint)


for _name, _function in (("add", add), ("serve", serve), ("results", results), ("judge", judge)):
    arena.command(_name)(command(_function, f"arena {_name}"))
