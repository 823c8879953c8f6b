"""`mova init`: a project of one's own, and where its data is kept."""

from pathlib import Path
from typing import Annotated, Any

import typer


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the project; made if it is missing.")] = (
        Path()
    ),
    remote: Annotated[
        str | None,
        typer.Option(
            "--remote",
            metavar="s3://BUCKET/PREFIX|DIR",
            help="Where DVC keeps copies; a bucket's endpoint and keys are those of the AWS_* variables.",
        ),
    ] = None,
) -> dict[str, Any]:
    """Make a folder a project: params.yaml, dvc.yaml, DVC and git; with --remote, say where DVC keeps copies.

    What is there already stays as it is. A remote is written into .dvc/config, which goes into git: no key is.

    Example: mova init my-project --remote s3://bucket/my-project
    """
    from flows.project.remote import set_remote, settings_of
    from flows.project.start import start_project

    settings = settings_of(remote) if remote is not None else None  # a wrong one is told before anything is written
    started = start_project(folder)
    lines = [f"{folder} is a project" + (f": made {', '.join(started.written)}" if started.written else " already")]
    if started.differing:
        lines.append(f"  kept as they are, other than in a new project: {', '.join(started.differing)}")
    kept = set_remote(folder, settings) if settings is not None else None
    if kept is not None:
        lines.append(f"  remote   {kept.address}{f' instead of {kept.replaced}' if kept.replaced else ''}")
        lines.append("           runs push to it what they make from now on; `dvc push` what is there already")
    if started.written:
        lines.append(f"  next     cd {folder} && python -m flows.lifecycle (--footage FOLDER for your own files)")
    return {
        "project": str(folder),
        "made": list(started.written),
        "differing": list(started.differing),
        "remote": kept.address if kept is not None else None,
        "text": "\n".join(lines),
    }
