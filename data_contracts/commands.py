"""`mova contract TABLE`: may this table go on?"""

from pathlib import Path
from typing import Annotated, Any

import typer

from mova_core.options import Data, ParamsFile
from mova_core.places import CONTRACTS, DATA, PARAMS, DataFolder


def contract(
    table: Annotated[str, typer.Argument(help="sources, windows, clips, verdicts, captions, latents or evaluation.")],
    rows: Annotated[bool, typer.Option("--rows", help="List the rows that break an expectation.")] = False,
    data: Data = DATA,
    params: ParamsFile = PARAMS,
    out: Annotated[Path, typer.Option("--out", help="Folder of the results.")] = CONTRACTS,
    against: Annotated[
        Path | None, typer.Option("--against", help="Data folder of an earlier version, to look for drift (verdicts).")
    ] = None,
) -> dict[str, Any]:
    """Check a table against its contract; exit 3 if a critical expectation is broken.

    Writes TABLE.json (for machines), TABLE.html and Great Expectations' Data Docs under docs/TABLE/ into --out;
    with --against, as verdicts-drift, so that what the pipeline depends on stays.

    Example: mova contract clips --rows

    Example: mova contract verdicts --against previous/data
    """
    from mova_core.params import load_params

    checked_params = load_params(params)  # a wrong key is told before anything heavy loads

    from data_contracts.lazy_imports import put_off_imports

    put_off_imports()
    from data_contracts.check import check, contract_of
    from data_contracts.report.terminal_text import rows_listed, summary
    from mova_core.errors import ContractBroken

    asked = contract_of(table, DataFolder(data), checked_params)
    if against is not None:
        from data_contracts.rules.drift import with_drift

        asked = with_drift(asked, DataFolder(data), DataFolder(against))
    result = check(asked, out)
    text = summary(result, out)
    if rows and (listed := rows_listed(result)):
        text = f"{text}\n\n{listed}"
    if result.broken:
        raise ContractBroken(text)
    return {
        "table": result.table,
        "verdict": result.verdict,
        "rows": result.rows,
        "expectations": len(result.findings),
        "warnings": [finding.sentence for finding in result.warnings],
        "text": text,
    }
