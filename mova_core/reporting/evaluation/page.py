"""`report.html` of an evaluation of clips, one self-contained page beside what it shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mova_core.evaluation.catalogue import CATALOGUE
from mova_core.evaluation.measuring.metric import MetricSpec
from mova_core.reporting.evaluation.best_and_worst import SHOWN, choose, with_file
from mova_core.reporting.evaluation.clip_cards import INLINE_BYTES, clip_cards
from mova_core.reporting.evaluation.distributions import by_set, distributions
from mova_core.reporting.evaluation.groups import ranked_metrics, told_first
from mova_core.reporting.evaluation.headline import figures, headline
from mova_core.reporting.evaluation.numbers import number
from mova_core.reporting.evaluation.published import COLUMNS, SOURCE
from mova_core.reporting.evaluation.results import ClipScores, Results, read_results
from mova_core.reporting.evaluation.table import metric_rows, missing_clips, published_table, reasons, unmeasured
from mova_core.reporting.templates import render
from mova_core.reporting.wording import one_line, plural
from mova_core.storage.atomic import write_text

PAGE_FILE = "report.html"
BEST_AND_WORST = "Best and worst clips"


@dataclass(frozen=True, slots=True)
class Section:
    """A further section of the page: `html` is put in as it is, so it holds nothing from outside unescaped."""

    id: str
    title: str
    html: str


def write_page(out: Path, folder: Path, sections: Sequence[Section] = ()) -> Path:
    """Write the page of an evaluation.

    Args:
        out: folder of the evaluation, where the page is written.
        folder: where its clips lie.
        sections: further ones, put after the distributions.

    Returns:
        The page.

    Raises:
        StaleError: a file of the evaluation is missing or cannot be read.
    """
    results, page = read_results(out), out / PAGE_FILE
    ranked = ranked_metrics(results)
    choices = choose(results, ranked)
    values = _values(results, ranked) | {
        "cards": clip_cards(choices, ranked, folder, page),
        "clips_title": _clips_title(results, len(choices)),
        "most_shown": SHOWN,
        "extremes_shown": BEST_AND_WORST,
        "inline_megabytes": f"{INLINE_BYTES / 1e6:g}",
        "sections": sections,
    }
    write_text(page, render("evaluation.html", values))
    return page


def _values(results: Results, ranked: Sequence[MetricSpec]) -> dict[str, Any]:
    scores = results.scores
    return {
        "title": f"mova: evaluation of {one_line(results.name)}",
        "about": _about(results),
        "headline": headline(results),
        "second": figures(results, told_first(results)),
        "against": None if results.reference_name is None else one_line(results.reference_name),
        "shuffled": any(metric.shuffled is not None for metric in scores.metrics.values()),
        "paired": scores.against is not None,
        "groups": metric_rows(results),
        "unmeasured": [f"{plural(clips, 'clip')}: {one_line(why)}" for why, clips in unmeasured(results).items()],
        "published": published_table(results),
        "published_source": SOURCE,
        "sets": by_set(results, _by_set(results, ranked)),
        "distributions": distributions(results),
        "columns": [spec.title for spec in ranked],
        "clips": [_clip_row(clip, ranked) for clip in results.clips],
        "unavailable": {one_line(reason): ", ".join(titles) for reason, titles in reasons(results).items()},
        "missing": [
            (one_line(reason), clips, ", ".join(titles)) for reason, (clips, titles) in missing_clips(results).items()
        ],
    }


def _clips_title(results: Results, shown: int) -> str:
    measured = [clip for clip in results.clips if clip.metrics]
    if shown == len(measured):
        return "The clips"
    return "Some of the clips" if shown == len(with_file(measured)) else BEST_AND_WORST


def _by_set(results: Results, ranked: Sequence[MetricSpec]) -> list[MetricSpec]:
    """Metrics that are shown set by set: those that clips are ranked by and those that the MOVA report publishes."""
    names = {spec.name for spec in ranked} | {column.metric for column in COLUMNS}
    return [spec for name, spec in CATALOGUE.items() if name in names and name in results.scores.metrics]


def _about(results: Results) -> str:
    scores = results.scores
    words = ["mova", "evaluation", f"suite {scores.suite.name}" if scores.suite.name else f"folder {scores.folder}"]
    checkpoint = scores.checkpoint_id or scores.suite.checkpoint_id
    return one_line(" · ".join([*words, *([f"checkpoint {checkpoint}"] if checkpoint else [])]))


def _clip_row(clip: ClipScores, metrics: Sequence[MetricSpec]) -> tuple[str, str, list[str], str]:
    """Name, prompt, values, and the reasons why anything is unavailable in it."""
    values = [clip.value(spec.name) for spec in metrics]
    shown = ["unavailable" if value is None else number(value) for value in values]
    told = "; ".join(sorted({one_line(reason) for reason in clip.unavailable.values()}))
    return one_line(clip.name), one_line(clip.asked.prompt or ""), shown, told
