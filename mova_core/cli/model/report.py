"""`mova report`: the page a person looks at."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mova_core.options import Data, ParamsFile
from mova_core.places import DATA, PARAMS, REPORT_PAGE, DataFolder


def report(
    out: Annotated[Path, typer.Option("--out", help="The page to write.")] = REPORT_PAGE,
    data: Data = DATA,
    against: Annotated[
        Path | None, typer.Option("--against", help="Data folder of an earlier version, to draw what drifted.")
    ] = None,
    params_file: ParamsFile = PARAMS,
) -> dict[str, Any]:
    """Write reports/index.html (self-contained) from the tables and, once one is trained, the model's evaluations.

    Beside it: contact-sheet.png, curation.json and, with a model, model.json.

    Example: mova report
    Example: mova report --against /backup/data --out drift.html
    """
    from mova_core.params import load_params
    from mova_core.reporting.report import write_report

    earlier = None if against is None else DataFolder(against)
    return write_report(load_params(params_file), DataFolder(data), out, project=Path(), against=earlier)
