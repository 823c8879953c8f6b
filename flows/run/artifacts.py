"""What a run shows beside its tasks: contracts, the funnel, measures and gates as tables, and at the end the report.

`SHOWN_AFTER` says which stage shows what; an unchanged stage shows it too, so that every run's page is whole.
"""

import json
from collections.abc import Callable
from pathlib import Path

from prefect.artifacts import create_image_artifact, create_link_artifact, create_table_artifact

from flows.run.servers.report_server import link_to
from flows.run.stages.plan import Stage
from mova_core.curation.funnel import curation_funnel
from mova_core.places import CONTRACTS, EVALUATIONS, MODELS, REPORT_PAGE, DataFolder
from mova_core.registry.manifests import METRICS_FILE, SELECTION_FILE
from mova_core.registry.promotion.promotion import Decision
from mova_core.reporting.charts.sweep import PLOT_FILE
from mova_core.reporting.phase_reports import headline, last_evaluated, read_phases


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
    from mova_core.reporting.wording import duration

    rows = [
        {
            "step": step.stage,
            "kept": f"{step.rows_kept} of {step.rows_in} {step.unit}",
            "footage": duration(step.seconds_kept),
            "let go": ", ".join(f"{loss.amount} {loss.reason_code}" for loss in step.losses) or "none",
        }
        for step in curation_funnel(DataFolder())
    ]
    create_table_artifact(rows, key="funnel", description="What each step of curation kept")


def show_metrics(stage: Stage) -> None:
    """What a phase's clips measure, beside the shuffled baseline and the data's own value; and the sweep drawn."""
    phase = stage.name.partition("@")[2]
    folder = EVALUATIONS / phase
    if not (folder / METRICS_FILE).is_file():
        return
    from mova_core.evaluation.catalogue import CATALOGUE

    metrics = json.loads((folder / METRICS_FILE).read_text(encoding="utf-8"))["metrics"]
    rows = [
        {
            "measure": CATALOGUE[name].title if name in CATALOGUE else name,
            "value": _shown(metric["value"], metric["unavailable"]),
            "95 %": "" if metric["low"] is None else f"{metric['low']:.3f} to {metric['high']:.3f}",
            "shuffled": _shown(metric["shuffled"]),
            "data": _shown(metric["data"]),
            "better": metric["better"],
        }
        for name, metric in metrics.items()
    ]
    create_table_artifact(rows, key=f"evaluation-{phase}", description=f"**{phase}**: what its clips measure")
    if (folder / PLOT_FILE).is_file():
        description = f"{phase}: event F1 and offset of video and audio by the Bridge guidance scale"
        create_image_artifact(link_to(folder / PLOT_FILE), key=f"sweep-{phase}", description=description)


def show_gates(stage: Stage) -> None:
    """One row a gate of a phase: what was measured, the limit, and whether it passed."""
    phase = stage.name.partition("@")[2]
    path = MODELS / phase / SELECTION_FILE
    if not path.is_file():
        return  # it ended before it could judge
    selection = json.loads(path.read_text(encoding="utf-8"))
    rows = [
        {
            "passed": "✔" if gate["passed"] else "✘",
            "measure": gate["name"],
            "value": _shown(gate["value"], gate["unavailable"]),
            "limit": f"{gate['sign']} {gate['limit']:g}",
        }
        for gate in selection["gates"]
    ]
    create_table_artifact(rows, key=f"gates-{phase}", description=f"**{phase}**: {selection['reason']}")


def show_promotion(decision: Decision) -> None:
    """What was compared with the champion, and what follows from it."""
    rows = [
        {
            "measure": one["metric"],
            "candidate": _shown(one["candidate"]),
            "champion": _shown(one["champion"]),
            "verdict": one["verdict"],
        }
        for one in decision.evidence.get("metrics", ())
    ]
    create_table_artifact(rows or [{"champion": "none before"}], key="promotion", description=decision.reason)


def show_report(decision: str) -> None:
    """The last artifact of a whole run: the report, what was measured, and what was decided."""
    description = f"{measured()} {decision} (`{REPORT_PAGE}`)"
    create_link_artifact(link_to(REPORT_PAGE), key="report", link_text="report", description=description)


def measured() -> str:
    """What the last evaluation found, in a sentence; "" where nothing is evaluated."""
    last = last_evaluated(read_phases(Path()))
    return "" if last is None or last.evaluation is None else headline(last.phase, last.evaluation)


def _shown(value: float | None, unavailable: str | None = None) -> str:
    return f"unavailable: {unavailable}" if unavailable else "" if value is None else f"{value:.3f}"


SHOWN_AFTER: dict[str, Callable[[Stage], None]] = {
    "contract": show_contract,
    "assess": show_funnel,
    "evaluate": show_metrics,
    "select": show_gates,
}


def show(stage: Stage) -> None:
    """Show what a stage has to show, if anything."""
    if shown := SHOWN_AFTER.get(stage.group):
        shown(stage)
