"""`mova make-footage`: something to curate before there is footage of one's own."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mova_core.options import Workers


def make_footage(
    out: Annotated[Path, typer.Argument(help="The folder to make; its event times go to OUT-events.json beside it.")],
    clips: Annotated[int, typer.Option("--clips", min=1, help="About how many nano clips should come out.")] = 1000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of everything drawn: same seed, same bytes.")] = 0,
    workers: Workers = 0,
) -> dict[str, Any]:
    """Make video files of bouncing, flashing, sounding shapes, three of them broken on purpose.

    Example: mova make-footage data/footage --clips 1000 --seed 0
    """
    from mova_core.curation.engine.base import Engine
    from mova_core.synthetic.footage import make_footage as make

    return make(out, clips, seed, Engine.choose("local", workers).workers)
