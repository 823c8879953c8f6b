"""Check a table against its contract: Great Expectations judges, the result is a plain value, JSON and pages.

The JSON is what DVC keeps and what the next stage depends on: the same data gives the same bytes, no times, no run
ids, no versions, and it names the sha256 of the files it is about. The pages (ours, and GX's Data Docs) are for
people and are rewritten each time.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import great_expectations as gx
from great_expectations.core.batch_definition import BatchDefinition
from great_expectations.core.expectation_validation_result import ExpectationValidationResult
from great_expectations.data_context import EphemeralDataContext
from great_expectations.data_context.types.base import ProgressBarsConfig

from data_contracts.contract import KEPT_ROWS, Contract, ContractResult, Example, Finding, Severity, View
from data_contracts.report.data_docs import build_data_docs, keep_for_docs
from data_contracts.report.page import contract_page
from data_contracts.report.terminal_text import got
from data_contracts.validation import rows_that_break, validated_by_column
from mova_core.errors import UsageError
from mova_core.params import Params
from mova_core.places import DataFolder
from mova_core.storage.atomic import write_text
from mova_core.storage.hashing import sha256_file

if TYPE_CHECKING:
    import pandas as pd

# A module each, in the order of the pipeline.
TABLES = ("sources", "windows", "clips", "verdicts", "captions", "latents", "evaluation")
SHOWN_VALUES, SHOWN_ROWS = 3, 5
SEVERITIES: tuple[Severity, ...] = ("critical", "warning")


def contract_of(table: str, data: DataFolder, params: Params) -> Contract:
    """The contract of one table, with the rows it looks at.

    Raises:
        UsageError: no table of that name, or a file is missing.
    """
    if table not in TABLES:
        raise UsageError(f"table is {table!r}, expected one of {', '.join(TABLES)}")
    module = import_module(f"data_contracts.tables.{table}")  # this one alone: latents brings torch
    contract: Contract = getattr(module, table)(data, params)
    return contract


def check(contract: Contract, reports: Path) -> ContractResult:
    """Judge a table, and write what came out: `TABLE.json`, `TABLE.html` and Data Docs under `docs/TABLE/`.

    Raises:
        UsageError: `reports` cannot be written to.
    """
    context = ephemeral_context()
    result = judge(contract, context)
    write_text(reports / f"{result.table}.json", as_json(result))
    write_text(reports / f"{result.table}.html", contract_page(result))
    build_data_docs(context, reports / "docs" / result.table)
    return result


def ephemeral_context() -> EphemeralDataContext:
    """Great Expectations without a project folder, and silent."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    return context


def judge(contract: Contract, context: EphemeralDataContext) -> ContractResult:
    """Judge a table; nothing is written."""
    return ContractResult(
        table=contract.table,
        rows=len(contract.views[0].rows),
        files={name: sha256_file(path) for name, path in sorted(contract.files.items())},
        findings=tuple(_judged(contract, context)),
    )


def as_json(result: ContractResult) -> str:
    """A contract's result for machines, the same bytes for the same data."""
    expectations = [
        {
            "sentence": finding.sentence,
            "reason": finding.reason,
            "severity": finding.severity,
            "success": finding.success,
            "observed": finding.observed,
            "got": "" if finding.success else got(finding),
            "unexpected_count": finding.unexpected_count,
            "element_count": finding.element_count,
            "first": [asdict(example) for example in finding.failing[:SHOWN_ROWS]],
        }
        for finding in result.findings
    ]
    values = {
        "table": result.table,
        "verdict": result.verdict,
        "rows": result.rows,
        "files": dict(result.files),
        "expectations": expectations,
    }
    return json.dumps(values, indent=1, ensure_ascii=False) + "\n"


def _judged(contract: Contract, context: EphemeralDataContext) -> Iterator[Finding]:
    """Each expectation of each view, critical ones first, in the order in which they are written."""
    asset = context.data_sources.add_pandas("data").add_dataframe_asset(contract.table)
    batches = asset.add_batch_definition_whole_dataframe("all rows")  # of whichever rows are handed over
    for severity in SEVERITIES:
        for view in contract.views:
            rules = {rule.description: rule for rule in view.expectations if rule.severity == severity}
            if not rules:
                continue
            results = validated_by_column(view, rules.values(), batches)
            suite = gx.ExpectationSuite(f"{view.name}.{severity}", expectations=list(rules.values()))
            keep_for_docs(context, context.suites.add(suite), results)
            told = {one.expectation_config.description: one for one in results}
            yield from (_finding(view, rule, severity, told[sentence], batches) for sentence, rule in rules.items())


def _finding(
    view: View, rule: Any, severity: Severity, one: ExpectationValidationResult, batches: BatchDefinition
) -> Finding:
    result = one.result
    whole = "observed_value" in result
    rows = view.rows.iloc[:0] if one.success or whole or not result else rows_that_break(view.rows, rule, batches)
    values = [] if rows.empty else rows[rule.column].drop_duplicates().head(SHOWN_VALUES + 1).tolist()
    return Finding(
        sentence=rule.description,
        reason=rule.notes,
        severity=severity,
        success=bool(one.success),
        observed=_plain(result["observed_value"]) if whole else [_plain(value) for value in values[:SHOWN_VALUES]],
        unexpected_count=0 if one.success else int(result.get("unexpected_count", 0)),
        element_count=int(result.get("element_count", len(view.rows))),
        failing=tuple(_examples(view, rule, rows.head(KEPT_ROWS))),
        noun=view.noun,
        more_values=len(values) > SHOWN_VALUES,
        error=None if result else _exception(one.exception_info),
    )


def _examples(view: View, rule: Any, rows: "pd.DataFrame") -> Iterator[Example]:
    if rows.empty:
        return
    for id, where, value in zip(rows[view.id_column], view.where(rows), rows[rule.column], strict=True):
        place = _plain(where)
        yield Example(str(_plain(id)), None if place is None else str(place), _plain(value))


def _exception(info: dict[str, Any]) -> str:
    infos = [info] if "exception_message" in info else list(info.values())
    return next((" ".join(str(one["exception_message"]).split()) for one in infos), "no result")


def _plain(value: Any) -> Any:
    """A value as JSON knows it; null for NaN."""
    if hasattr(value, "item"):
        value = value.item()
    if value is None or value != value:
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, float) and abs(value) == float("inf"):
        return str(value)
    return value if isinstance(value, (bool, int, float, str)) else str(value)
