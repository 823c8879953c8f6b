"""One contract as a page of its own: what is expected and why, what was found, the first rows that break it."""

from importlib.resources import files
from typing import Any

from data_contracts.contract import ContractResult, Finding
from data_contracts.report.terminal_text import got
from mova_core.reporting.templates import render

SHOWN_ROWS = 100  # of one expectation
TITLES = (("Critical: without these the data may not go on", "critical"), ("Warnings: worth a look", "warning"))
TEMPLATE = "contract.html"


def contract_page(result: ContractResult) -> str:
    """The page as HTML that needs nothing beside it, in light and dark."""
    values = {
        "title": f"contract {result.table}",
        "table": result.table,
        "css": "broken" if result.broken else "ok",
        "headline": _headline(result),
        "rows": result.rows,
        "groups": [{"title": title, "findings": _findings(result, severity)} for title, severity in TITLES],
        "files": list(result.files.items()),
    }
    return render(TEMPLATE, values, {TEMPLATE: (files("data_contracts.report") / TEMPLATE).read_text(encoding="utf-8")})


def _findings(result: ContractResult, severity: str) -> list[dict[str, Any]]:
    """What fails comes first."""
    found = [finding for finding in result.findings if finding.severity == severity]
    return [_finding(finding) for finding in sorted(found, key=lambda each: each.success)]


def _finding(finding: Finding) -> dict[str, Any]:
    shown = min(SHOWN_ROWS, finding.unexpected_count or 0)
    return {
        "css": "" if finding.success else "fails",
        "sentence": finding.sentence,
        "got": None if finding.success else got(finding),
        "reason": finding.reason,
        "noun": finding.noun,
        "which": f"which: the first {shown} of {finding.unexpected_count}",
        "rows": [
            (row.id, "null" if row.value is None else row.value, row.where or "")
            for row in finding.failing[:SHOWN_ROWS]
        ],
    }


def _headline(result: ContractResult) -> str:
    if result.broken:
        return f"broken, {len(result.broken)} of {len(result.findings)} expectations"
    return "holds" if not result.warnings else f"holds, with {len(result.warnings)} to look at"
