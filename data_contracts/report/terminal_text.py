"""A checked contract as told at a terminal: a line a broken expectation, what was got, and where to look first."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data_contracts.contract import ContractResult, Example, Finding
from mova_core.printable import printable

WIDEST_SENTENCE = 60
LONGEST_VALUE = 60


def summary(result: ContractResult, reports: Path) -> str:
    """What came out, critical ones alone if there are any, else the warnings; `reports` is where the pages lie."""
    critical = [one for one in result.findings if one.severity == "critical"]
    if result.broken:
        head = f"contract {result.table} broken (critical), {len(result.broken)} of {len(critical)} expectations:"
        return "\n".join([head, *_lines(result.broken), _footer(result, reports)])
    head = f"contract {result.table} holds: {len(critical)} expectations, {result.rows} rows"
    if not result.warnings:
        return head
    count = len(result.warnings)
    head += f"; {count} warning{'s' if count > 1 else ''}:"
    return "\n".join([head, *_lines(result.warnings), _footer(result, reports)])


def rows_listed(result: ContractResult) -> str:
    """The rows that break each expectation, for `--rows`."""
    parts = []
    for finding in (*result.broken, *result.warnings):
        shown = finding.failing
        lines = [f"{finding.sentence} ({finding.severity})"]
        lines += [f"  {printable(one.id)}  {_value(one.value)}  {printable(one.where or '')}".rstrip() for one in shown]
        if not shown:
            lines.append(f"  a rule about the whole table: got {got(finding)}")
        if finding.unexpected_count > len(shown):
            lines.append(f"  and {finding.unexpected_count - len(shown)} more")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def got(finding: Finding) -> str:
    """`192 in 3 of 371 rows`; the number itself for a rule about the whole table."""
    if finding.error is not None:
        return f"no answer: {finding.error}"
    if not isinstance(finding.observed, list):
        return _value(finding.observed)
    values = ", ".join(_value(value) for value in finding.observed)
    if finding.more_values:
        values += ", …"
    return f"{values} in {finding.unexpected_count} of {finding.element_count} row{'s' * (finding.element_count != 1)}"


def _lines(findings: Sequence[Finding]) -> list[str]:
    told = [(one.sentence, f"got {got(one)}", _first(one)) for one in findings]
    wide = min(WIDEST_SENTENCE, max(len(sentence) for sentence, _, _ in told))
    next_wide = max(len(middle) for _, middle, _ in told)
    return [f"  {sentence:<{wide}}   {middle:<{next_wide}}   {last}".rstrip() for sentence, middle, last in told]


def _first(finding: Finding) -> str:
    if not finding.failing:
        return ""
    example: Example = finding.failing[0]
    name = f"{finding.noun} {_short(example.id)}"
    place = f" ({printable(example.where)})" if example.where else ""
    return f"{'first: ' if finding.unexpected_count > 1 else ''}{name}{place}"


def _footer(result: ContractResult, reports: Path) -> str:
    page = printable(str(reports / f"{result.table}.html"))
    table, _, drift = result.table.partition("-")
    against = " --against DIR" if drift else ""
    return f"  details: {page}   to see the rows: mova contract {table}{against} --rows"


def _value(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = printable(_short(str(value)))
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"


def _short(text: str) -> str:
    """The start of a hash is enough to know it by."""
    folder, slash, name = text.rpartition("/")
    if len(name) >= 16 and all(one in "0123456789abcdef" for one in name):
        return f"{folder}{slash}{name[:8]}…"
    return printable(text)
