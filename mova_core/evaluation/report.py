"""The page a person looks at: what became of the footage, read from the tables, in one self-contained HTML file.

The numbers come from the tables as they stand; nothing is measured here, and what was not available is said so.
"""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined

from mova_core.curation.funnel import Step, curation_funnel, funnel_metrics
from mova_core.curation.layout import DataFolder
from mova_core.evaluation.histogram import measure_histograms
from mova_core.evaluation.samples import choose_samples, contact_sheet, draw
from mova_core.params import Params
from mova_core.progress import track
from mova_core.storage.atomic import write_bytes, write_text

CONTRACTS = Path("reports/contracts")


def write_report(
    params: Params, data: DataFolder, page: Path, *, metrics: Path | None = None, contracts: Path | None = None
) -> dict[str, Any]:
    """Write the page, and a contact sheet of accepted clips beside it.

    Args:
        params: the params the tables were made with (thresholds are drawn from them).
        data: where the tables and clips lie.
        page: the HTML file to write.
        metrics: where to write the funnel's numbers as JSON.
        contracts: folder of contract results, shown where given.

    Raises:
        UsageError: a table is missing.
    """
    steps = curation_funnel(data)
    samples = choose_samples(data)
    histograms, unavailable = measure_histograms(params.assess, data)
    drawn = [draw(sample, data) for sample in track(samples, len(samples), "report")]
    html = _template().render(
        headline=headline(steps),
        params=params,
        geometry=params.clip_geometry,
        steps=steps,
        footage_s=steps[0].seconds_kept,
        samples=drawn,
        histograms=histograms,
        unavailable=unavailable,
        contracts=read_contracts(contracts) if contracts else [],
    )
    numbers = funnel_metrics(steps)
    if metrics is not None:
        write_text(metrics, json.dumps(numbers, indent=1) + "\n")
    write_bytes(page.parent / "contact-sheet.png", contact_sheet(drawn))
    write_text(page, html)
    return {"page": str(page), "funnel": numbers, "text": f"{headline(steps)} Report: {page}"}


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
    order = ("sources", "windows", "clips", "verdicts", "captions", "latents")
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


def _template() -> Any:
    folder = files("mova_core.evaluation") / "page"
    sources = {name: (folder / name).read_text(encoding="utf-8") for name in ("report.html", "report.css", "report.js")}
    environment = Environment(loader=DictLoader(sources), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters["duration"] = duration
    return environment.get_template("report.html")
