"""`mova report`: the page a person looks at."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mova_core.cli.options import ParamsFile


def report(
    out: Annotated[Path, typer.Option("--out", help="The page to write.")] = Path("reports/index.html"),
    data: Annotated[Path, typer.Option("--data", help="Folder of the tables.")] = Path("data"),
    params_file: ParamsFile = Path("params.yaml"),
) -> dict[str, Any]:
    """Write reports/index.html (self-contained) and reports/curation.json from the tables.

    Example: mova report
    """
    from mova_core.curation.layout import DataFolder
    from mova_core.evaluation.report import CONTRACTS, write_report
    from mova_core.params import load_params

    metrics = out.parent / "curation.json"
    return write_report(load_params(params_file), DataFolder(data), out, metrics=metrics, contracts=CONTRACTS)
