"""The page a person looks at, one self-contained HTML file: what the model does, and what became of the footage.

The numbers come from tables and manifests as they stand; nothing is measured here, and what was not available is said
so. Without a trained model the page shows curation alone.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mova_core.curation.assess.stage import refused_clips
from mova_core.curation.funnel import curation_funnel, funnel_metrics
from mova_core.curation.tables import read_table
from mova_core.errors import UsageError
from mova_core.params import Params
from mova_core.places import CONTRACTS, DataFolder
from mova_core.progress import track
from mova_core.reporting.charts.drift import DriftChart, drift_charts
from mova_core.reporting.charts.histogram import measure_histograms
from mova_core.reporting.curation_results import funnel_steps, headline, headline_figures, read_contracts
from mova_core.reporting.model_results import ModelResults, model_results
from mova_core.reporting.samples import choose_samples, clip_card, contact_sheet
from mova_core.reporting.templates import render
from mova_core.storage.atomic import write_bytes, write_text

HEADLINE_FILE, CURATION_FILE, MODEL_FILE = "headline.json", "curation.json", "model.json"
OTHER_FOOTAGE = (
    "This footage was not made by the project (params evaluate.footage: other), so its events and classes are not "
    "known: metrics that need them are unavailable, and the gates were those of select.other_footage."
)


def write_report(
    params: Params,
    data: DataFolder,
    page: Path,
    *,
    project: Path | None = None,
    against: DataFolder | None = None,
) -> dict[str, Any]:
    """Write the page, and a contact sheet of accepted clips beside it.

    Args:
        params: the params the tables were made with (thresholds are drawn from them).
        data: where the tables and clips lie.
        page: the HTML file to write.
        project: the project's folder: its contracts, training, evaluations and package are shown, and headline.json,
            curation.json and, where there is a model, model.json are written beside the page; None: curation alone.
        against: an earlier version of the data, whose distributions are drawn over the present ones.

    Raises:
        UsageError: a table is missing, of this version or of the earlier one.
        StaleError, MediaError: a manifest or a clip of the model cannot be read.
    """
    if against is not None and not against.root.is_dir():
        raise UsageError(f"--against {against.root} is no folder: name the data folder of an earlier version")
    drift = () if against is None else drift_charts(against, data)
    steps = curation_funnel(data)
    samples = choose_samples(data)
    verdicts = read_table(data.table("verdicts"), "verdicts")
    histograms, unavailable = measure_histograms(params, verdicts)
    cards = [clip_card(sample, data) for sample in track(samples, len(samples), "report")]
    model = None if project is None else model_results(project, params, page)
    html = render(
        "report.html",
        {
            "title": f"mova: {'what the model does' if model else 'what became of the footage'}",
            "note": OTHER_FOOTAGE if model and model.other_footage else None,
            "about": _about(params, "report" if model else "curation"),
            "headline": (model.headline if model else None) or headline(steps),
            "second": f"{model.verdict} {headline(steps)}".strip() if model and model.headline else None,
            "navigation": _navigation(model, drift),
            "model": model,
            "tenths": [f"{tenth / 10:g}" for tenth in range(10)],
            "accepted": [card for card in cards if card.accepted],
            "rejected": [card for card in cards if not card.accepted],
            "funnel": funnel_steps(steps),
            "histograms": histograms,
            "unavailable": {
                "count": sum(map(len, unavailable.values())),
                "reasons": [(reason, ", ".join(names)) for reason, names in unavailable.items()],
            }
            if unavailable
            else None,
            "drift": {"charts": drift, "summary": _drift_summary(drift, against.root)} if against and drift else None,
            "contracts": [] if project is None else read_contracts(project / CONTRACTS),
        },
    )
    funnel = funnel_metrics(steps) | {"refused_for_unavailable_filters": refused_clips(verdicts, params)}
    numbers = {"funnel": funnel} | ({"model": model.figures} if model else {})
    if project is not None:
        few = headline_figures(steps) | (model.headline_figures if model else {})
        files: dict[str, Any] = {HEADLINE_FILE: few, CURATION_FILE: funnel}
        files |= {MODEL_FILE: model.figures} if model else {}
        for name, values in files.items():
            write_text(page.parent / name, json.dumps(values, indent=1) + "\n")
    write_bytes(page.parent / "contact-sheet.png", contact_sheet(cards))
    write_text(page, html)
    sentences = [model.headline, model.verdict] if model else []
    text = " ".join(filter(None, [*sentences, headline(steps), f"Report: {page}"]))
    return {"page": str(page), **numbers, "text": text}


def _about(params: Params, what: str) -> str:
    geometry = params.clip_geometry
    return (
        f"mova · {what} · preset {params.preset}, clips of {geometry.frames} frames at {geometry.fps} fps with "
        f"{geometry.audio_samples} samples at {geometry.audio_rate_hz} Hz"
    )


def _navigation(model: ModelResults | None, drift: Sequence[DriftChart]) -> list[tuple[str, str]]:
    links = [("generated", "generated clips")] if model and model.clips else []
    links += [("clips", "clips"), ("funnel", "funnel"), ("rejected", "rejected"), ("measures", "measures")]
    links += [("drift", "drift")] if drift else []
    links += [("contracts", "contracts")]
    links += [("training", "training"), ("lineage", "lineage")] if model else []
    return [*links, ("unavailable", "unavailable")]


def _drift_summary(charts: Sequence[DriftChart], against: Path) -> str:
    drifted = sum(chart.drifted for chart in charts)
    return f"Against {against}: {drifted} of {len(charts)} distributions {'has' if drifted == 1 else 'have'} drifted."
