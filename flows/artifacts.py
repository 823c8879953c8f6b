"""What a run shows beside its tasks: contracts and the funnel as tables, and at the end the report.

`SHOWN_AFTER` says which stage shows what; an unchanged stage shows it too, so that every run's page is whole.
"""

import json
from collections.abc import Callable

from prefect.artifacts import create_link_artifact, create_table_artifact

from flows.pipeline import Stage
from flows.reports import FOLDER, link_to
from mova_core.curation.funnel import curation_funnel
from mova_core.curation.layout import DataFolder

CONTRACTS = FOLDER / "contracts"
REPORT = FOLDER / "index.html"


def show_contract(stage: Stage) -> None:
    """One row an expectation: whether it holds, what was got, and why it is asked for."""
    table = stage.name.partition("@")[2]
    path = CONTRACTS / f"{table}.json"
    if not path.exists():
        return  # the stage ended before it could judge
    result = json.loads(path.read_text(encoding="utf-8"))
    rows = [
        {
            "holds": "✔" if expectation["success"] else "✘" if expectation["severity"] == "critical" else "!",
            "expected": expectation["sentence"],
            "got": expectation["got"],
            "severity": expectation["severity"],
            "why": expectation["reason"],
        }
        for expectation in result["expectations"]
    ]
    page = path.with_suffix(".html")
    description = f"**{table}**: {result['verdict']}, {result['rows']} rows ([{page}]({link_to(page)}))"
    create_table_artifact(rows, key=f"contract-{table}", description=description)


def show_funnel(_: Stage) -> None:
    """How much footage each step kept, and why it let the rest go."""
    from mova_core.evaluation.report import duration

    rows = [
        {
            "step": step.stage,
            "kept": f"{step.rows_kept} of {step.rows_in} {step.unit}",
            "footage": duration(step.seconds_kept),
            "let go": ", ".join(f"{loss.rows} {loss.reason_code}" for loss in step.losses) or "none",
        }
        for step in curation_funnel(DataFolder())
    ]
    create_table_artifact(rows, key="funnel", description="What each step of curation kept")


def show_report(_: Stage) -> None:
    """The last artifact: the report, and what came out in a sentence."""
    from mova_core.evaluation.report import headline

    description = f"{headline(curation_funnel(DataFolder()))} (`{REPORT}`)"
    create_link_artifact(link_to(REPORT), key="report", link_text="report", description=description)


SHOWN_AFTER: dict[str, Callable[[Stage], None]] = {
    "contract": show_contract,
    "assess": show_funnel,
    "report": show_report,
}


def show(stage: Stage) -> None:
    """Show what a stage has to show, if anything."""
    if shown := SHOWN_AFTER.get(stage.group):
        shown(stage)
