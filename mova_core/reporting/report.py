"""The page a person looks at, one self-contained HTML file: what the model does, and what became of the footage.

The numbers come from tables and manifests as they stand; nothing is measured here, and what was not available is said
so. Without a trained model the page is the data half alone.
"""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined

from mova_core.curation.assess.stage import refused_clips
from mova_core.curation.funnel import Step, curation_funnel, funnel_metrics
from mova_core.curation.tables import read_table
from mova_core.errors import UsageError
from mova_core.evaluation.catalogue import CATALOGUE
from mova_core.params import Params
from mova_core.places import DataFolder
from mova_core.progress import track
from mova_core.reporting.drift_chart import drift_charts
from mova_core.reporting.histogram import measure_histograms
from mova_core.reporting.model_half import model_half
from mova_core.reporting.samples import choose_samples, contact_sheet, draw
from mova_core.storage.atomic import write_bytes, write_text

CONTRACTS = Path("reports/contracts")
CURATION_METRICS, MODEL_METRICS = "curation.json", "model.json"


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
        project: the project's folder: its contracts, training, evaluations and package are shown, and curation.json
            and, where there is a model half, model.json are written beside the page; None: the data half alone.
        against: an earlier version of the data, whose distributions are drawn over the present ones.

    Raises:
        UsageError: a table is missing, of this version or of the earlier one.
        StaleError, MediaError: a manifest or a clip of the model half cannot be read.
    """
    if against is not None and not against.root.is_dir():
        raise UsageError(f"--against {against.root} is no folder: name the data folder of an earlier version")
    drift = None if against is None else drift_charts(against, data)
    steps = curation_funnel(data)
    samples = choose_samples(data)
    verdicts = read_table(data.table("verdicts"), "verdicts")
    histograms, unavailable = measure_histograms(params, verdicts)
    drawn = [draw(sample, data) for sample in track(samples, len(samples), "report")]
    model = None if project is None else model_half(project, params, page)
    html = page_template("report.html").render(
        headline=headline(steps),
        params=params,
        geometry=params.clip_geometry,
        steps=steps,
        footage_s=steps[0].seconds_kept,
        samples=drawn,
        histograms=histograms,
        unavailable=unavailable,
        drift=drift,
        against=None if against is None else str(against.root),
        contracts=[] if project is None else read_contracts(project / CONTRACTS),
        model=model,
        labels={name: spec.title for name, spec in CATALOGUE.items()},
    )
    funnel = funnel_metrics(steps) | {"refused_for_unavailable_filters": refused_clips(verdicts, params)}
    numbers = {"funnel": funnel} | ({"model": model.figures} if model else {})
    if project is not None:
        for name, key in ((CURATION_METRICS, "funnel"), (MODEL_METRICS, "model")):
            if key in numbers:
                write_text(page.parent / name, json.dumps(numbers[key], indent=1) + "\n")
    write_bytes(page.parent / "contact-sheet.png", contact_sheet(drawn))
    write_text(page, html)
    sentences = [model.headline, model.verdict] if model else []
    text = " ".join(filter(None, [*sentences, headline(steps), f"Report: {page}"]))
    return {"page": str(page), **numbers, "text": text}


def headline(steps: list[Step]) -> str:
    """The result in one sentence."""
    footage, last = steps[0], steps[-1]
    if not last.rows_kept:
        return f"No clip of {footage.rows_kept} files ({duration(footage.seconds_kept)}) is fit to train on."
    share = last.seconds_kept / footage.seconds_kept if footage.seconds_kept else 0
    return (
        f"{last.rows_kept} clips from {footage.rows_kept} files are fit to train on: "
        f"{duration(last.seconds_kept)} of {duration(footage.seconds_kept)} ({share:.0%})."
    )


def read_contracts(folder: Path) -> list[dict[str, Any]]:
    """Results of the contracts that have been checked, in the order of the line."""
    order = ("sources", "windows", "clips", "verdicts", "captions", "latents", "evaluation")
    paths = [folder / f"{table}.json" for table in order]
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths if path.exists()]


def duration(seconds: float) -> str:
    """Seconds as a person says them: 48 s, 6 min 31 s, 2 h 05 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def page_template(name: str) -> Any:
    """A template of `page/`; it may include the others."""
    folder = files("mova_core.reporting") / "page"
    sources = {each.name: each.read_text(encoding="utf-8") for each in folder.iterdir()}
    environment = Environment(loader=DictLoader(sources), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters["duration"] = duration
    return environment.get_template(name)
