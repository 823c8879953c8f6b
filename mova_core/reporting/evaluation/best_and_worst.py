"""Which clips a page shows: the best and the worst by each of a few metrics, or all of a few clips."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from mova_core.evaluation.measuring.metric import MetricSpec
from mova_core.reporting.evaluation.results import ClipScores, Results, known_values

SHOWN = 12  # clips with a player, at most
EACH_WAY = 2  # best and worst ones of a metric


@dataclass(frozen=True, slots=True)
class Choice:
    """A clip to show, and what it stands for, such as `best AV-Align`."""

    clip: ClipScores
    tags: tuple[str, ...]


def choose(results: Results, metrics: Sequence[MetricSpec]) -> list[Choice]:
    """Clips to show, a clip once: all where they are few, else the extremes of each metric in turn.

    Args:
        results: of the evaluation.
        metrics: to rank by; each has a better side.
    """
    tags: dict[str, list[str]] = {}
    clips = {clip.name: clip for clip in with_file(results.clips) if clip.metrics}
    for spec in metrics:
        for name, tag in _extremes(results, spec):
            if name in clips and (name in tags or len(tags) < SHOWN):
                tags.setdefault(name, []).append(tag)
    if len(clips) <= SHOWN:
        tags |= {name: tags.get(name, []) for name in clips}
    return [Choice(clips[name], tuple(of)) for name, of in tags.items()]


def with_file(clips: Sequence[ClipScores]) -> list[ClipScores]:
    """Those whose file was kept: a phase keeps a few."""
    return [clip for clip in clips if clip.file is not None]


def _extremes(results: Results, spec: MetricSpec) -> list[tuple[str, str]]:
    """Clip -> tag, the best first; a clip with the value in the middle is no extreme, however many share it."""
    known = known_values(results.clips, spec.name)
    middle = median([value for _, value in known]) if known else 0.0
    sign = -1 if spec.better == "higher" else 1
    ranking = sorted((sign * (value - middle), clip.name) for clip, value in known)
    best = [name for over, name in ranking[:EACH_WAY] if over < 0]
    worst = [name for over, name in ranking[: -EACH_WAY - 1 : -1] if over > 0]
    return [
        (name, f"{_place(index)}{side} {spec.label}")
        for side, names in (("best", best), ("worst", worst))
        for index, name in enumerate(names)
    ]


def _place(index: int) -> str:
    return "second " if index else ""
