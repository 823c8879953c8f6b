"""`mova detect`: what made a file."""

from pathlib import Path
from typing import Annotated, Any

import typer


def detect(
    file: Annotated[Path, typer.Argument(help="Any file: a video, an image, audio.")],
    trust: Annotated[
        Path | None,
        typer.Option("--trust", help="PEM certificates of roots that vouch for signers.", show_default="none"),
    ] = None,
) -> dict[str, Any]:
    """Say what made a file and from what, by its C2PA manifest and its provenance, and whether it was altered since.

    A file without a marking exits 0 too: it may have lost one. `--json` says `marked` and `generated`.

    Example: mova detect clip.mp4
    """
    from mova_core.marking.detect import detect as examine

    return examine(file, trust)
