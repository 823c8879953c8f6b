"""Options that several commands share, with one wording."""

from pathlib import Path
from typing import Annotated

import typer

PhaseArgument = Annotated[str, typer.Argument(help="audio, phase1, phase2 or phase3.", show_default=False)]
Data = Annotated[Path, typer.Option("--data", help="Folder of tables, clips and latents.")]
ParamsFile = Annotated[Path, typer.Option("--params", help="The params file.")]
EngineName = Annotated[str, typer.Option("--engine", help="Where workers run: local or ray.")]
Workers = Annotated[int, typer.Option("--workers", min=0, help="Worker processes; 0 = one per processor.")]
